WITH RECURSIVE level (priority) AS (
    SELECT max(priority) FROM protean_intake WHERE priority BETWEEN ?1 AND ?2
    UNION ALL
    SELECT (SELECT max(i.priority) FROM protean_intake i
             WHERE i.priority >= ?1 AND i.priority < level.priority)
      FROM level WHERE level.priority IS NOT NULL
)
SELECT priority FROM level WHERE priority IS NOT NULL
