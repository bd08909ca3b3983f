DELETE FROM progress
 WHERE ctid = ANY (ARRAY(SELECT ctid FROM progress WHERE grp = $1 LIMIT $2 FOR UPDATE))
