SELECT next FROM progress WHERE grp = ?1 AND stream = ?2
