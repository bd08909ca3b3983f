SELECT 1 FROM "protean.writers" WHERE instance = $1 AND number = $2
