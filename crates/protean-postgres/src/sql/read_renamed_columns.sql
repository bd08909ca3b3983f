SELECT former_name, present_name FROM "protean.renamed_columns" WHERE table_name = $1
