INSERT INTO "protean.renamed_columns" (table_name, former_name, present_name)
SELECT ?2, former_name, present_name FROM "protean.renamed_columns" WHERE table_name = ?1
    ON CONFLICT (table_name, former_name) DO UPDATE SET present_name = excluded.present_name
