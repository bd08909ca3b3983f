WITH RECURSIVE level (priority) AS (
    SELECT max(priority) FROM messages WHERE category = ?1 AND priority BETWEEN ?2 AND ?3
    UNION ALL
    SELECT (SELECT max(m.priority) FROM messages m
             WHERE m.category = ?1 AND m.priority >= ?2 AND m.priority < level.priority)
      FROM level WHERE level.priority IS NOT NULL
)
SELECT priority FROM level WHERE priority IS NOT NULL
