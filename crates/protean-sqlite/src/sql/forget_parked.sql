DELETE FROM parked
 WHERE grp = ?1 AND (position) IN (SELECT position FROM parked WHERE grp = ?1 LIMIT ?2)
