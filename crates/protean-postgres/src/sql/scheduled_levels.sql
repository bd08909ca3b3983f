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
