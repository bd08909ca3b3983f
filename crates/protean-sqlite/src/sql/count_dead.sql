SELECT priority, count(*) FROM dead WHERE grp = ?1 AND category = ?2 GROUP BY priority
