SELECT priority, count(*) FROM parked WHERE grp = ?1 AND category = ?2 GROUP BY priority
