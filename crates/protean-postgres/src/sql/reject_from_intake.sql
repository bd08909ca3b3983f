WITH refused (place, reason, time) AS (SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[])),
taken AS (
    DELETE FROM protean_intake i USING refused u WHERE i.place = u.place
    RETURNING i.place, i.id, i.type, i.data, i.priority, i.key, i.metadata, u.reason, u.time
)
INSERT INTO protean_intake_rejects (place, id, type, data, priority, key, metadata, reason, time)
SELECT place, id, type, data, priority, key, metadata, reason, time FROM taken
