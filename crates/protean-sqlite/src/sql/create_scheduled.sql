CREATE TABLE "protean.scheduled" (
    key      TEXT PRIMARY KEY,
    id       TEXT NOT NULL,
    priority INTEGER NOT NULL,
    due      INTEGER NOT NULL,
    message  TEXT NOT NULL
)
