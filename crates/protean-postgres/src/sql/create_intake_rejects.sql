CREATE TABLE protean_intake_rejects (
    place    bigint PRIMARY KEY,
    id       text COLLATE "C" NOT NULL,
    type     text COLLATE "C" NOT NULL,
    data     text COLLATE "C" NOT NULL,
    priority bigint NOT NULL,
    key      text COLLATE "C",
    metadata text COLLATE "C",
    reason   text COLLATE "C" NOT NULL,
    time     bigint NOT NULL
)
