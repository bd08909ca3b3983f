SELECT generation, managers FROM "protean.correlations"
