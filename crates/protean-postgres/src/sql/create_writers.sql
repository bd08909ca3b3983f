CREATE TABLE "protean.writers" (
    instance text COLLATE "C" PRIMARY KEY,
    number   bigint NOT NULL,
    seen     timestamptz NOT NULL
) WITH (fillfactor = 25)
