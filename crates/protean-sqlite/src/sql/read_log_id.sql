SELECT id FROM log_id
