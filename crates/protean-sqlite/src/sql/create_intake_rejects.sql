CREATE TABLE protean_intake_rejects (
    place    INTEGER PRIMARY KEY,
    id       TEXT NOT NULL,
    type     TEXT NOT NULL,
    data     TEXT NOT NULL,
    priority INTEGER NOT NULL,
    "key"    TEXT,
    metadata TEXT,
    reason   TEXT NOT NULL,
    time     INTEGER NOT NULL
)
