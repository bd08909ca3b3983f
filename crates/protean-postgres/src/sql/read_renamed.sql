SELECT former_name, present_name FROM "protean.renamed" WHERE table_name = $1
