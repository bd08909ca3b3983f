CREATE TABLE message_counts (
    category text COLLATE "C" NOT NULL,
    priority bigint NOT NULL,
    position bigint NOT NULL,
    messages bigint NOT NULL,
    PRIMARY KEY (category, priority, position)
)
