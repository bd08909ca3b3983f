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
), place (priority, position) AS (
    SELECT priority, start FROM lane UNION SELECT priority, cursor FROM lane
), following (priority, position, messages) AS (
    SELECT p.priority, p.position, coalesce(
        (SELECT (SELECT count(*) FROM messages m WHERE m.category = $2 AND m.priority = p.priority
                    AND m.place > p.position AND m.place <= first.position)
              + last.messages - first.messages
              + (SELECT count(*) FROM messages m WHERE m.category = $2 AND m.priority = p.priority
                    AND m.place > last.position)
           FROM (SELECT c.position, c.messages FROM message_counts c
                  WHERE c.category = $2 AND c.priority = p.priority AND c.position >= p.position
                  ORDER BY c.position LIMIT 1) first,
                (SELECT c.position, c.messages FROM message_counts c
                  WHERE c.category = $2 AND c.priority = p.priority AND c.position >= p.position
                  ORDER BY c.position DESC LIMIT 1) last),
        (SELECT count(*) FROM messages m
          WHERE m.category = $2 AND m.priority = p.priority AND m.place > p.position))
      FROM place p
)
SELECT l.priority, l.cursor,
       (SELECT f.messages FROM following f
         WHERE f.priority = l.priority AND f.position = l.start),
       (SELECT f.messages FROM following f
         WHERE f.priority = l.priority AND f.position = l.cursor)
           - (SELECT count(*) FROM done d WHERE d.grp = $1 AND d.category = $2
                 AND d.priority = l.priority AND d.position > l.cursor),
       (SELECT m.time FROM messages m
         WHERE m.category = $2 AND m.priority = l.priority AND m.place > l.cursor
           AND NOT EXISTS (SELECT 1 FROM done d WHERE d.grp = $1 AND d.category = $2
                              AND d.priority = l.priority AND d.position = m.place)
         ORDER BY m.place LIMIT 1),
       (SELECT count(*) FROM parked k
         WHERE k.grp = $1 AND k.category = $2 AND k.priority = l.priority),
       (SELECT count(*) FROM dead k
         WHERE k.grp = $1 AND k.category = $2 AND k.priority = l.priority),
       (SELECT m.place FROM messages m WHERE m.category = $2 AND m.priority = l.priority
         ORDER BY m.place DESC LIMIT 1)
  FROM lane l ORDER BY l.priority DESC
