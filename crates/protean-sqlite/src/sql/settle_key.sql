UPDATE idempotency SET output = ?4, expires = ?5
 WHERE command = ?1 AND key = ?2 AND message_id = ?3
