CREATE TABLE log_id (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id  TEXT    NOT NULL
)
