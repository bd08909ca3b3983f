SELECT max(stream_position) FROM messages WHERE stream = ?1
