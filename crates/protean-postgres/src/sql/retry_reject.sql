WITH taken AS (
    DELETE FROM protean_intake_rejects WHERE place = $1 RETURNING id, type, data, priority, key, metadata
)
INSERT INTO protean_intake (id, type, data, priority, key, metadata)
SELECT id, type, data, priority, key, metadata FROM taken
