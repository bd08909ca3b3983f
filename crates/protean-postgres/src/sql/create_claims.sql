CREATE UNLOGGED TABLE "protean.claims" (
    grp   text COLLATE "C" PRIMARY KEY,
    notes bigint[] NOT NULL
)
