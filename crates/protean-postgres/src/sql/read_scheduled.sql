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
SELECT s.key, s.due, s.message
  FROM level
 CROSS JOIN LATERAL (
    SELECT * FROM "protean.scheduled" s
     WHERE s.priority = level.priority AND s.due <= $5
       -- The place after which to read is one of the highest priority.
       AND (s.due, s.key) > (CASE WHEN level.priority = $2 THEN $3 ELSE '-9223372036854775808'::bigint END,
                             CASE WHEN level.priority = $2 THEN $4 ELSE '' END)
     ORDER BY s.due, s.key LIMIT $6) s
 WHERE level.priority >= $1
 ORDER BY s.priority DESC, s.due, s.key
 LIMIT $6
