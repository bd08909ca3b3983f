SELECT versions FROM enrolments WHERE grp = ?1 AND category = ?2
