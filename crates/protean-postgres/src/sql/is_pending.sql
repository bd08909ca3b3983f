WITH RECURSIVE level (priority) AS (
    (SELECT priority FROM "protean.scheduled" WHERE priority <= $2 ORDER BY priority DESC LIMIT 1)
    UNION ALL
    SELECT next.priority
      FROM level
     CROSS JOIN LATERAL (
        SELECT s.priority FROM "protean.scheduled" s
         WHERE s.priority < level.priority ORDER BY s.priority DESC LIMIT 1) next
     WHERE level.priority > $1
)
SELECT EXISTS (SELECT FROM level
                WHERE level.priority >= $1
                  AND EXISTS (SELECT FROM "protean.scheduled" s
                               WHERE s.priority = level.priority AND s.due <= $3))
    OR EXISTS (SELECT FROM protean_intake
                WHERE domain = ANY ($4::text[]) AND priority BETWEEN $1 AND $2)
