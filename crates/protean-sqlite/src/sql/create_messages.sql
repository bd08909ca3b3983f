CREATE TABLE messages (
    position        INTEGER PRIMARY KEY,
    stream          TEXT    NOT NULL,
    stream_position INTEGER NOT NULL,
    category        TEXT    NOT NULL,
    priority        INTEGER NOT NULL,
    kind            TEXT    NOT NULL,
    type            TEXT    NOT NULL,
    version         INTEGER NOT NULL,
    id              TEXT    NOT NULL,
    correlation_id  TEXT    NOT NULL,
    causation_id    TEXT,
    time            INTEGER NOT NULL,
    data            TEXT    NOT NULL,
    extensions      TEXT
)
