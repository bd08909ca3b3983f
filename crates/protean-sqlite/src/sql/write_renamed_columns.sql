INSERT INTO "protean.renamed_columns" (table_name, former_name, present_name) VALUES (?1, ?2, ?3)
    ON CONFLICT (table_name, former_name) DO UPDATE SET present_name = excluded.present_name
