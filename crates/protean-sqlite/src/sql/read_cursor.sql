SELECT position FROM cursors WHERE grp = ?1 AND category = ?2 AND priority = ?3
