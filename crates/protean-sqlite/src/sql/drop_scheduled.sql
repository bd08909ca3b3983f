DELETE FROM "protean.scheduled" WHERE key = ?1
