CREATE TABLE message_counts (
    category TEXT    NOT NULL,
    priority INTEGER NOT NULL,
    position INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    PRIMARY KEY (category, priority, position)
) WITHOUT ROWID
