CREATE INDEX messages_by_lane ON messages (category, priority, place)
