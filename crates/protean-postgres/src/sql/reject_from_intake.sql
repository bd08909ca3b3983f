WITH taken AS (
    DELETE FROM protean_intake WHERE place = $1 RETURNING place, id, type, data, priority, key, metadata
)
INSERT INTO protean_intake_rejects (place, id, type, data, priority, key, metadata, reason, time)
SELECT place, id, type, data, priority, key, metadata, $2, $3 FROM taken
