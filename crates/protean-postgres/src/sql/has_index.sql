SELECT 1 FROM pg_indexes WHERE schemaname = current_schema() AND indexname = $1
