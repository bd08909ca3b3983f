UPDATE log_id SET id = ?1
