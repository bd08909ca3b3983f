INSERT INTO idempotency (command, key, message_id, output, time, expires)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
    ON CONFLICT (command, key) DO UPDATE
    SET message_id = excluded.message_id, output = excluded.output,
        time = excluded.time, expires = excluded.expires
