CREATE TABLE outbox_queue (
    position INTEGER PRIMARY KEY,
    attempts INTEGER NOT NULL DEFAULT 0,
    due      INTEGER
)
