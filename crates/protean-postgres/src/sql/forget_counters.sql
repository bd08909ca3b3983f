DELETE FROM counters
 WHERE ctid = ANY (ARRAY(SELECT ctid FROM counters WHERE grp = $1 LIMIT $2 FOR UPDATE))
