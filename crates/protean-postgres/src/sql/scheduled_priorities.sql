WITH RECURSIVE level (priority) AS (
    (SELECT priority FROM "protean.scheduled" WHERE priority <= $2 ORDER BY priority DESC LIMIT 1)
    UNION ALL
    SELECT (SELECT s.priority FROM "protean.scheduled" s
             WHERE s.priority < level.priority ORDER BY s.priority DESC LIMIT 1)
      FROM level WHERE level.priority IS NOT NULL
)
SELECT priority FROM level WHERE priority >= $1
