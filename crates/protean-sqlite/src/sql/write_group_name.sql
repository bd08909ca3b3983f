INSERT INTO group_names (name, id, renamed_to) VALUES (?1, ?2, ?3)
    ON CONFLICT (name) DO UPDATE SET id = excluded.id, renamed_to = excluded.renamed_to
