DELETE FROM progress
 WHERE grp = ?1 AND (stream) IN (SELECT stream FROM progress WHERE grp = ?1 LIMIT ?2)
