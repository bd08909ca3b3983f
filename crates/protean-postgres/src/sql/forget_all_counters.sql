DELETE FROM counters WHERE grp = $1
