INSERT INTO "protean.scheduled" (key, priority, due, message)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[])
    ON CONFLICT (key) DO UPDATE
    SET priority = excluded.priority, due = excluded.due, message = excluded.message
