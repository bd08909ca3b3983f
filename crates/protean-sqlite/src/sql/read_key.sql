SELECT message_id, output FROM idempotency WHERE command = ?1 AND key = ?2
