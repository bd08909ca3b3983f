UPDATE enrolments SET versions = $3 WHERE grp = $1 AND category = $2
