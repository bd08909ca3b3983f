DELETE FROM "protean.scheduled" WHERE key = ?1 AND id = ?2
