SELECT term, count FROM counters WHERE grp = ?1
UNION ALL
SELECT 'waiting', count(*) FROM "protean.scheduled"
