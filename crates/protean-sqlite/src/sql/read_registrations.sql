SELECT grp, category FROM enrolments ORDER BY grp, category
