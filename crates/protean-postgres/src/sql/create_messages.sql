CREATE TABLE messages (
    position        bigint PRIMARY KEY,
    stream          text COLLATE "C" NOT NULL,
    stream_position bigint NOT NULL,
    category        text COLLATE "C" NOT NULL,
    priority        bigint NOT NULL,
    kind            text COLLATE "C" NOT NULL,
    type            text COLLATE "C" NOT NULL,
    version         bigint NOT NULL,
    id              text COLLATE "C" NOT NULL,
    correlation_id  text COLLATE "C" NOT NULL,
    causation_id    text COLLATE "C",
    time            bigint NOT NULL,
    data            text COLLATE "C" NOT NULL,
    extensions      text COLLATE "C",
    -- The position again. Only the index of lanes knows it, so a plan that looks for
    -- the next of a lane cannot walk through the whole log instead.
    place           bigint NOT NULL GENERATED ALWAYS AS (position) STORED
)
