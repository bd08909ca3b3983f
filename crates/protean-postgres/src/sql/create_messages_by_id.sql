CREATE INDEX messages_by_id ON messages (id) WHERE kind = 'COMMAND' AND id <> correlation_id
