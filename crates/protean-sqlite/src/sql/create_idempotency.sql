CREATE TABLE idempotency (
    command    TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    message_id TEXT    NOT NULL,
    output     TEXT,
    time       INTEGER NOT NULL,
    PRIMARY KEY (command, key)
) WITHOUT ROWID
