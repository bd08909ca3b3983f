INSERT INTO protean_intake (id, type, data, priority, "key", metadata)
SELECT id, type, data, priority, "key", metadata FROM protean_intake_rejects WHERE place = ?1
