DELETE FROM enrolments
 WHERE grp = ?1 AND (category) IN (SELECT category FROM enrolments WHERE grp = ?1 LIMIT ?2)
