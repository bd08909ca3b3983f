DELETE FROM "protean.renamed_columns" WHERE table_name = ?1
