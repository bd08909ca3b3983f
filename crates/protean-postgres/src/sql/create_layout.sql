CREATE TABLE IF NOT EXISTS "protean.layout" (version bigint NOT NULL)
