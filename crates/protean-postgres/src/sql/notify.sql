SELECT pg_notify('protean.' || current_schema(), $1) WHERE $1 IS NOT NULL
