SELECT stream_position + 1 FROM messages
 WHERE stream = ?1 AND position <= ?2
 ORDER BY stream_position DESC LIMIT 1
