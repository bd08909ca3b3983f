SELECT tablename::text FROM pg_tables
 WHERE schemaname = current_schema() AND starts_with(tablename::text, $1::text || '__g')
   AND substr(tablename::text, length($1::text) + 4) ~ '^[0-9]+$'
