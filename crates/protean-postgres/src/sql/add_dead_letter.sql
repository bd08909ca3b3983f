INSERT INTO dead (grp, position, stream, stream_position, category, priority, attempts, reason, time)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (grp, position) DO UPDATE
    SET attempts = excluded.attempts, reason = excluded.reason, time = excluded.time
