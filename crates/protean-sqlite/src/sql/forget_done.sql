DELETE FROM done
 WHERE grp = ?1 AND (category, priority, position) IN (SELECT category, priority, position FROM done WHERE grp = ?1 LIMIT ?2)
