INSERT INTO "protean.scheduled" (key, id, priority, due, message)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[])
    ON CONFLICT (key) DO UPDATE
    SET id = excluded.id, priority = excluded.priority, due = excluded.due,
        message = excluded.message
