CREATE TABLE enrolments (
    grp      TEXT    NOT NULL,
    category TEXT    NOT NULL,
    start    INTEGER NOT NULL,
    PRIMARY KEY (grp, category)
) WITHOUT ROWID
