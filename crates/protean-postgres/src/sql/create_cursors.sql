CREATE TABLE cursors (
    grp      text COLLATE "C" NOT NULL,
    category text COLLATE "C" NOT NULL,
    priority bigint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (grp, category, priority)
)
