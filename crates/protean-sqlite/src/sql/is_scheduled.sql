SELECT 1 FROM "protean.scheduled" WHERE key = ?1
