INSERT INTO protean_intake (id, type, data, priority, "key")
SELECT id, type, data, priority, "key" FROM protean_intake_rejects WHERE place = ?1
