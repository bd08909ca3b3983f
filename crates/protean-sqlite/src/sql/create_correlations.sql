CREATE TABLE "protean.correlations" (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    generation INTEGER NOT NULL,
    managers   TEXT NOT NULL
)
