CREATE TABLE parked (
    grp             TEXT    NOT NULL,
    position        INTEGER NOT NULL,
    stream          TEXT    NOT NULL,
    stream_position INTEGER NOT NULL,
    category        TEXT    NOT NULL,
    priority        INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    due             INTEGER,
    reason          TEXT    NOT NULL,
    PRIMARY KEY (grp, position)
) WITHOUT ROWID
