SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND tablename = $1
