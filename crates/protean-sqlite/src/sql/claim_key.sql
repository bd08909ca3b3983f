INSERT INTO idempotency (command, key, message_id, output, time, expires)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (command, key) DO UPDATE
    SET message_id = excluded.message_id, output = excluded.output,
        time = excluded.time, expires = excluded.expires
  WHERE idempotency.expires <= excluded.time OR idempotency.message_id = excluded.message_id
