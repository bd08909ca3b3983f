SELECT 1 FROM messages WHERE stream = ?1 AND stream_position = ?2
