CREATE TABLE counters (
    grp      TEXT    NOT NULL,
    category TEXT    NOT NULL,
    term     TEXT    NOT NULL,
    count    INTEGER NOT NULL,
    PRIMARY KEY (grp, category, term)
) WITHOUT ROWID
