CREATE TABLE "protean.correlations" (
    id         integer PRIMARY KEY CHECK (id = 1),
    generation bigint NOT NULL,
    managers   text NOT NULL
)
