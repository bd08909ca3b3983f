DROP TABLE IF EXISTS "protean.renamed_columns"
