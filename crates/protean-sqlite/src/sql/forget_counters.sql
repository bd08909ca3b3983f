DELETE FROM counters
 WHERE grp = ?1 AND (category, term) IN (SELECT category, term FROM counters WHERE grp = ?1 LIMIT ?2)
