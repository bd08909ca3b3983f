CREATE TABLE progress (
    grp    TEXT    NOT NULL,
    stream TEXT    NOT NULL,
    next   INTEGER NOT NULL,
    PRIMARY KEY (grp, stream)
) WITHOUT ROWID
