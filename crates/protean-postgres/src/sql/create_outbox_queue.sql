CREATE TABLE outbox_queue (
    position bigint PRIMARY KEY,
    attempts bigint NOT NULL DEFAULT 0,
    due      bigint
)
