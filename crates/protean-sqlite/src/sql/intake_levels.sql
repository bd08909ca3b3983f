WITH RECURSIVE level (domain, priority) AS (
    SELECT * FROM (SELECT domain, priority FROM protean_intake ORDER BY domain, priority LIMIT 1)
    UNION ALL
    SELECT next.domain, next.priority
      FROM level
      JOIN protean_intake next ON next.place = (
               SELECT i.place FROM protean_intake i
                WHERE (i.domain, i.priority) > (level.domain, level.priority)
                ORDER BY i.domain, i.priority LIMIT 1)
)
SELECT CAST(domain AS BLOB), priority
  FROM level
 WHERE priority BETWEEN ?1 AND ?2
   AND (domain IN (SELECT value FROM json_each(?3))) = ?4
