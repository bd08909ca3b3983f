SELECT coalesce(max(position), 0), pg_current_xact_id()::text FROM messages
