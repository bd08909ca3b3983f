DELETE FROM dead
 WHERE grp = ?1 AND (position) IN (SELECT position FROM dead WHERE grp = ?1 LIMIT ?2)
