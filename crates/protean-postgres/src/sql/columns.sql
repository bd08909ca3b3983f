-- Not from information_schema, which has only the columns that the role has a right on.
SELECT a.attname::text, format_type(coalesce(nullif(t.typbasetype, 0), a.atttypid), NULL),
       a.attnotnull OR t.typnotnull, a.atthasdef OR a.attidentity <> '',
       EXISTS (SELECT 1 FROM pg_index i
                WHERE i.indrelid = c.oid AND i.indisprimary
                  AND a.attnum = ANY (i.indkey::smallint[]))
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
 WHERE c.relname = $1 AND c.relkind IN ('r', 'v', 'f', 'p')
 ORDER BY a.attnum
