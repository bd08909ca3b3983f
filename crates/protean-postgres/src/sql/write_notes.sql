INSERT INTO "protean.claims" (grp, notes) VALUES ($1, $2)
    ON CONFLICT (grp) DO UPDATE SET notes = excluded.notes
