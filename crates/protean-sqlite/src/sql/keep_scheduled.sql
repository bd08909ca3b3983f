INSERT INTO "protean.scheduled" (key, id, priority, due, message)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (key) DO UPDATE
   SET id = excluded.id, priority = excluded.priority, due = excluded.due, message = excluded.message
