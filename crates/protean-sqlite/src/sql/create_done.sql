CREATE TABLE done (
    grp      TEXT    NOT NULL,
    category TEXT    NOT NULL,
    priority INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (grp, category, priority, position)
) WITHOUT ROWID
