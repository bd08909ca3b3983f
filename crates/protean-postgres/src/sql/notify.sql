SELECT pg_notify('protean.' || current_schema(), $1)
