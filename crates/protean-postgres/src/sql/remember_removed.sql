INSERT INTO removed (tbl, key, version)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
    ON CONFLICT (tbl, key) DO UPDATE SET version = excluded.version
