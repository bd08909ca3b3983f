DELETE FROM idempotency
 WHERE (command, key) IN (SELECT command, key FROM idempotency WHERE expires <= $1
                           ORDER BY expires LIMIT $2 FOR UPDATE SKIP LOCKED)
