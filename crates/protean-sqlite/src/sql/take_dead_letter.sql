DELETE FROM dead WHERE grp = ?1 AND position = ?2
