SELECT pg_size_bytes(current_setting('min_wal_size')),
       pg_size_bytes(current_setting('max_wal_size')),
       current_setting('min_wal_size'),
       current_setting('max_wal_size'),
       current_setting('fsync'),
       current_setting('full_page_writes'),
       current_setting('synchronous_commit')
