DELETE FROM enrolments WHERE grp = ?1
