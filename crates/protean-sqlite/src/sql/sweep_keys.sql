DELETE FROM idempotency
 WHERE (command, key) IN (SELECT command, key FROM idempotency INDEXED BY idempotency_by_expiry
                           WHERE expires <= ?1 LIMIT ?2)
