SELECT set_config(name, '10s', false)
  FROM unnest(ARRAY['lock_timeout', 'idle_in_transaction_session_timeout']) AS name
 WHERE current_setting(name)::interval NOT BETWEEN '1ms' AND '10s'
