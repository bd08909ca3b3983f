SELECT command, key, message_id, output, time, expires FROM idempotency
 WHERE command = $1 AND key = $2 AND expires > $3
