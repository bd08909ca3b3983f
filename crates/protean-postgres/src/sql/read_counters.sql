SELECT term, count FROM counters WHERE grp = $1 AND category = $2
