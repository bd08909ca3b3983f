CREATE INDEX messages_by_correlation ON messages (correlation_id, position)
