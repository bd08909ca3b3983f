SELECT key, due, message FROM "protean.scheduled" WHERE key = ?1
