INSERT INTO idempotency (command, key, message_id, output, time) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (command, key) DO NOTHING
