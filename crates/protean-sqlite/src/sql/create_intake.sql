CREATE TABLE protean_intake (
    place    INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL DEFAULT (
                 lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4'
                     || substr(hex(randomblob(2)), 2) || '-a' || substr(hex(randomblob(2)), 2)
                     || '-' || hex(randomblob(6)))),
    type     TEXT NOT NULL,
    data     TEXT NOT NULL CHECK (typeof(data) = 'text'),
    priority INTEGER NOT NULL DEFAULT 0 CHECK (typeof(priority) = 'integer'),
    "key"    TEXT,
    metadata TEXT
)
