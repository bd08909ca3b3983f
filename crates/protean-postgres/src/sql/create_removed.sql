CREATE TABLE removed (
    tbl     text COLLATE "C" NOT NULL,
    key     text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (tbl, key)
)
