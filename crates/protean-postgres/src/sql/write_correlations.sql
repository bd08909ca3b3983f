INSERT INTO "protean.correlations" (id, generation, managers)
VALUES (1, $1, $2)
ON CONFLICT (id) DO UPDATE
   SET generation = excluded.generation, managers = excluded.managers
