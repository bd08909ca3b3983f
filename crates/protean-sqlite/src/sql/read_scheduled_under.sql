SELECT key, due, message FROM "protean.scheduled" WHERE key IN (SELECT value FROM json_each(?1))
