CREATE TABLE "protean.scheduled" (
    key      text COLLATE "C" PRIMARY KEY,
    id       text NOT NULL,
    priority bigint NOT NULL,
    due      bigint NOT NULL,
    message  text NOT NULL
)
