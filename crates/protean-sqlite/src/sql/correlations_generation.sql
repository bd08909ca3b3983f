SELECT generation FROM "protean.correlations"
