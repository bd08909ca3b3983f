UPDATE enrolments SET start = ?2 WHERE grp = ?1
