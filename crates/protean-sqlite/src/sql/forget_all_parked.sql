DELETE FROM parked WHERE grp = ?1
