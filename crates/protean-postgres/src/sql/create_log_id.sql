CREATE TABLE log_id (
    one integer PRIMARY KEY CHECK (one = 1),
    id  text COLLATE "C" NOT NULL
)
