SELECT 1 FROM sqlite_schema
 WHERE type = 'index' AND (name = ?1 OR (tbl_name = ?2 AND name GLOB ?2 || '__g[0-9]*.' || ?3))
