SELECT 1 FROM done WHERE grp = ?1 AND category = ?2 AND priority = ?3 AND position = ?4
