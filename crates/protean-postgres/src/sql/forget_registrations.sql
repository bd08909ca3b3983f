DELETE FROM enrolments
 WHERE ctid = ANY (ARRAY(SELECT ctid FROM enrolments WHERE grp = $1 LIMIT $2 FOR UPDATE))
