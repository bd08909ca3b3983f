SELECT stream FROM messages
 WHERE stream > $2 AND stream < $1 || '.' AND stream_position = 0 AND category = $1
 ORDER BY stream LIMIT $3
