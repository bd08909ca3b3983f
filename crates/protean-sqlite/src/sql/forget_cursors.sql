DELETE FROM cursors
 WHERE grp = ?1 AND (category, priority) IN (SELECT category, priority FROM cursors WHERE grp = ?1 LIMIT ?2)
