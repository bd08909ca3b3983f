CREATE TABLE counters (
    grp      text COLLATE "C" NOT NULL,
    category text COLLATE "C" NOT NULL,
    term     text COLLATE "C" NOT NULL,
    count    bigint NOT NULL,
    PRIMARY KEY (grp, category, term)
)
