SELECT grp, category, versions FROM enrolments ORDER BY grp, category
