CREATE TABLE "protean.scheduled" (
    key      text COLLATE "C" PRIMARY KEY,
    priority bigint NOT NULL,
    due      bigint NOT NULL,
    message  text NOT NULL
)
