SELECT c.relname, i.indisvalid FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
 WHERE i.indrelid = (SELECT oid FROM pg_class
                      WHERE relname = $1 AND relnamespace = current_schema()::regnamespace
                        AND relkind IN ('r', 'p'))
