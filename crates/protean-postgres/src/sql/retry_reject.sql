WITH taken AS (
    DELETE FROM protean_intake_rejects WHERE place = $1 RETURNING id, type, data, priority, key
)
INSERT INTO protean_intake (id, type, data, priority, key)
SELECT id, type, data, priority, key FROM taken
