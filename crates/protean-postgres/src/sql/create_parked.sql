CREATE TABLE parked (
    grp             text COLLATE "C" NOT NULL,
    position        bigint NOT NULL,
    stream          text COLLATE "C" NOT NULL,
    stream_position bigint NOT NULL,
    category        text COLLATE "C" NOT NULL,
    priority        bigint NOT NULL,
    attempts        bigint NOT NULL,
    due             bigint,
    reason          text COLLATE "C" NOT NULL,
    PRIMARY KEY (grp, position)
)
