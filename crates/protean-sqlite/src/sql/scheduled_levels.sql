WITH RECURSIVE level (priority) AS (
    SELECT max(priority) FROM "protean.scheduled" WHERE priority BETWEEN ?1 AND ?2
    UNION ALL
    SELECT (SELECT max(s.priority) FROM "protean.scheduled" s
             WHERE s.priority >= ?1 AND s.priority < level.priority)
      FROM level WHERE level.priority IS NOT NULL
)
