CREATE TABLE IF NOT EXISTS "protean.renamed_columns" (
  table_name   text COLLATE "C" NOT NULL,
  former_name  text COLLATE "C" NOT NULL,
  present_name text COLLATE "C" NOT NULL,
  PRIMARY KEY (table_name, former_name)
)
