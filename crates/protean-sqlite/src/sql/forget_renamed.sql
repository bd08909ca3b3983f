DELETE FROM "protean.renamed" WHERE table_name = ?1
