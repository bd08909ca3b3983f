WITH RECURSIVE began (start) AS (
    SELECT coalesce((SELECT start FROM enrolments WHERE grp = $1 AND category = $2), 0)
), level (priority) AS (
    (SELECT priority FROM messages WHERE category = $2 ORDER BY priority DESC LIMIT 1)
    UNION ALL
    SELECT (SELECT m.priority FROM messages m
             WHERE m.category = $2 AND m.priority < level.priority
             ORDER BY m.priority DESC LIMIT 1)
      FROM level WHERE level.priority IS NOT NULL
), lane (priority, start, cursor) AS (
    SELECT l.priority, b.start, greatest(b.start, (SELECT c.position FROM cursors c
             WHERE c.grp = $1 AND c.category = $2 AND c.priority = l.priority))
      FROM level l CROSS JOIN began b WHERE l.priority IS NOT NULL
)
