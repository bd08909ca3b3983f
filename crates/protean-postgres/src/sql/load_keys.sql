SELECT 'key', i.command, i.key, i.message_id, i.output, i.time, i.expires, NULL::bigint, NULL::boolean
  FROM unnest($1::text[], $2::text[]) AS u (command, key)
  JOIN idempotency i ON i.command = u.command AND i.key = u.key
