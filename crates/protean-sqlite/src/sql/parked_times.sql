SELECT due, position FROM parked
 WHERE grp = ?1 AND category = ?2 AND priority = ?3 AND due IS NOT NULL
 ORDER BY due, position LIMIT ?4
