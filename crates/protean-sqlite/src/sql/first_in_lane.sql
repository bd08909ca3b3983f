SELECT min(position) FROM messages WHERE category = ?1 AND priority = ?2 AND position > ?3
