WITH RECURSIVE level (priority) AS (
    (SELECT priority FROM messages WHERE category = $1 ORDER BY priority DESC LIMIT 1)
    UNION ALL
    SELECT (SELECT m.priority FROM messages m
             WHERE m.category = $1 AND m.priority < level.priority
             ORDER BY m.priority DESC LIMIT 1)
      FROM level WHERE level.priority IS NOT NULL
)
SELECT priority FROM level WHERE priority IS NOT NULL
