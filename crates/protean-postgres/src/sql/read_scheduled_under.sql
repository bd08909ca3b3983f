SELECT key, due, message FROM "protean.scheduled" WHERE key = ANY ($1::text[])
