INSERT INTO "protean.layout" (version) VALUES ($1)
