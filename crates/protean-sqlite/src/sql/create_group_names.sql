CREATE TABLE group_names (
    name       TEXT PRIMARY KEY,
    id         TEXT,
    renamed_to TEXT
) WITHOUT ROWID
