SELECT c.column_name, c.data_type, c.is_nullable = 'NO',
       c.column_default IS NOT NULL OR c.is_identity = 'YES' OR c.is_generated = 'ALWAYS',
       EXISTS (SELECT 1 FROM pg_index i
                WHERE i.indrelid = to_regclass(quote_ident($1)) AND i.indisprimary
                  AND c.ordinal_position = ANY (i.indkey::smallint[]))
  FROM information_schema.columns c
 WHERE c.table_schema = current_schema() AND c.table_name = $1
 ORDER BY c.ordinal_position
