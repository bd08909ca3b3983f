DELETE FROM dead WHERE grp = $1
