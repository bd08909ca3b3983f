SELECT stream
  FROM messages INDEXED BY messages_by_stream
 WHERE stream > ?2 AND stream < ?1 || '.' AND stream_position = 0 AND category = ?1
 ORDER BY stream LIMIT ?3
