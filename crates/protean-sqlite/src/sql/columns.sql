SELECT name, type, "notnull" OR pk > 0, dflt_value IS NOT NULL, pk > 0 FROM pragma_table_xinfo(?1)
