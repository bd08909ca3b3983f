CREATE TABLE "protean.scheduled" (
    key      TEXT PRIMARY KEY,
    priority INTEGER NOT NULL,
    due      INTEGER NOT NULL,
    message  TEXT NOT NULL
)
