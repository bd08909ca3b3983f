CREATE TABLE progress (
    grp    text COLLATE "C" NOT NULL,
    stream text COLLATE "C" NOT NULL,
    next   bigint NOT NULL,
    PRIMARY KEY (grp, stream)
)
