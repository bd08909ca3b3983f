CREATE TABLE idempotency (
    command    text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    message_id text COLLATE "C" NOT NULL,
    output     text COLLATE "C",
    time       bigint NOT NULL,
    expires    bigint NOT NULL,
    PRIMARY KEY (command, key)
)
