WITH RECURSIVE began (start) AS (
    SELECT coalesce((SELECT start FROM enrolments WHERE grp = $1 AND category = $2), 0)
), level (priority) AS (
    (SELECT priority FROM messages WHERE category = $2 AND priority BETWEEN $3 AND $4
      ORDER BY priority DESC LIMIT 1)
    UNION ALL
    SELECT (SELECT m.priority FROM messages m
             WHERE m.category = $2 AND m.priority >= $3 AND m.priority < level.priority
             ORDER BY m.priority DESC LIMIT 1)
      FROM level WHERE level.priority IS NOT NULL
)
