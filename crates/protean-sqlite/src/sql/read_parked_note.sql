SELECT attempts, due, reason FROM parked WHERE grp = ?1 AND position = ?2
