SELECT max(version) FROM "protean.layout"
