INSERT INTO removed (tbl, key, version) VALUES (?1, ?2, ?3)
    ON CONFLICT (tbl, key) DO UPDATE SET version = excluded.version
