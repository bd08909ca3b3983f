INSERT INTO protean_intake (id, type, data, priority, "key", metadata) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
