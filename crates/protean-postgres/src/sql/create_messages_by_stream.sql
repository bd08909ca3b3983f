CREATE UNIQUE INDEX messages_by_stream ON messages (stream, stream_position)
