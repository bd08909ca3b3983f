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
