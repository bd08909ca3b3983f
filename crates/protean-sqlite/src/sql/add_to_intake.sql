INSERT INTO protean_intake (id, type, data, priority, "key") VALUES (?1, ?2, ?3, ?4, ?5)
