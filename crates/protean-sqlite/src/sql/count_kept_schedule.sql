INSERT INTO counters (grp, category, term, count)
SELECT 'protean.scheduled', 'protean.scheduled', 'scheduled', count(*) FROM "protean.scheduled"
HAVING count(*) > 0
