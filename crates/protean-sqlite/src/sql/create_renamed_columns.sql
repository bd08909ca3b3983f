CREATE TABLE IF NOT EXISTS "protean.renamed_columns" (
  table_name   TEXT NOT NULL,
  former_name  TEXT NOT NULL,
  present_name TEXT NOT NULL,
  PRIMARY KEY (table_name, former_name)
) WITHOUT ROWID
