UPDATE progress SET next = ?3 + 1 WHERE grp = ?1 AND stream = ?2 AND next = ?3
