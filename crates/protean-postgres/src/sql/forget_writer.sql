DELETE FROM "protean.writers" WHERE instance = $1
