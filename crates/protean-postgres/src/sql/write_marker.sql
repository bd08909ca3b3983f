WITH signed AS (
    INSERT INTO "protean.writers" (instance, number, seen) VALUES ($1, $2, now())
    ON CONFLICT (instance) DO UPDATE SET number = excluded.number, seen = excluded.seen
)
SELECT pg_notify('protean.' || current_schema(), $3) WHERE $3 IS NOT NULL
