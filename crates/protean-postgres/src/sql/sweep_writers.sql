DELETE FROM "protean.writers" WHERE seen < now() - interval '30 days'
