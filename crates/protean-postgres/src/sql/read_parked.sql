WITH RECURSIVE began (start) AS (
    SELECT coalesce((SELECT start FROM enrolments WHERE grp = $1 AND category = $2), 0)
), level (priority) AS (
    (SELECT priority FROM parked WHERE grp = $1 AND category = $2 AND priority BETWEEN $3 AND $4
        AND due IS NOT NULL
      ORDER BY priority DESC LIMIT 1)
    UNION ALL
    SELECT (SELECT k.priority FROM parked k
             WHERE k.grp = $1 AND k.category = $2 AND k.priority >= $3
               AND k.priority < level.priority AND k.due IS NOT NULL
             ORDER BY k.priority DESC LIMIT 1)
      FROM level WHERE level.priority IS NOT NULL
), page AS (
    SELECT k.* FROM level l
      CROSS JOIN LATERAL (
          SELECT t.position, t.attempts, t.due FROM parked t
           WHERE t.grp = $1 AND t.category = $2 AND t.priority = l.priority AND t.due IS NOT NULL
           ORDER BY t.due, t.position LIMIT $5) k
     WHERE l.priority IS NOT NULL
     ORDER BY k.due, k.position LIMIT $5
)
SELECT m.position, m.stream, m.stream_position, m.category, m.priority, m.kind, m.type, m.version,
       m.id, m.correlation_id, m.causation_id, m.time, m.data, m.extensions,
       coalesce(p.next, CASE WHEN b.start > 0 THEN
           (SELECT s.stream_position + 1 FROM messages s
             WHERE s.stream = m.stream AND s.position <= b.start
             ORDER BY s.stream_position DESC LIMIT 1) END, 0), k.attempts, k.due
  FROM page k
  CROSS JOIN began b
  JOIN messages m ON m.position = k.position
  LEFT JOIN progress p ON p.grp = $1 AND p.stream = m.stream
 ORDER BY k.due, k.position
