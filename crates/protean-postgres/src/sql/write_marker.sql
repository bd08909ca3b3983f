INSERT INTO "protean.writers" (instance, number, seen) VALUES ($1, $2, now())
    ON CONFLICT (instance) DO UPDATE SET number = excluded.number, seen = excluded.seen
