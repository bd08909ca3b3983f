CREATE TABLE enrolments (
    grp      text COLLATE "C" NOT NULL,
    category text COLLATE "C" NOT NULL,
    start    bigint NOT NULL,
    PRIMARY KEY (grp, category)
)
