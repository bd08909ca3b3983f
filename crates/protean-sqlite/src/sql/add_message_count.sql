INSERT INTO message_counts (category, priority, position, messages) VALUES (?1, ?2, ?3, ?4)
