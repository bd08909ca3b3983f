SELECT set_config(name, '10s', false) FROM pg_settings
 WHERE name IN ('lock_timeout', 'idle_in_transaction_session_timeout')
   AND setting::bigint NOT BETWEEN 1 AND 10000
