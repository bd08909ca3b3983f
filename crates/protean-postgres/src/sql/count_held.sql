SELECT (SELECT count(*) FROM parked WHERE grp = $1), (SELECT count(*) FROM dead WHERE grp = $1)
