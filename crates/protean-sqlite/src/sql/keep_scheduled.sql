INSERT INTO "protean.scheduled" (key, priority, due, message)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (key) DO UPDATE
   SET priority = excluded.priority, due = excluded.due, message = excluded.message
