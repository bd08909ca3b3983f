DROP TABLE IF EXISTS "protean.renamed"
