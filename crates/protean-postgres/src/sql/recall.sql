WITH began (start) AS (
    SELECT coalesce((SELECT start FROM enrolments WHERE grp = $1 AND category = $2), 0)
), passed AS MATERIALIZED (
    SELECT priority, position FROM cursors WHERE grp = $1 AND category = $2
)
SELECT m.position, m.stream, m.stream_position, m.category, m.priority, m.kind, m.type, m.version,
       m.id, m.correlation_id, m.causation_id, m.time, m.data, m.extensions,
       coalesce((SELECT p.next FROM progress p WHERE p.grp = $1 AND p.stream = m.stream),
           CASE WHEN b.start > 0 THEN
               (SELECT s.stream_position + 1 FROM messages s
                 WHERE s.stream = m.stream AND s.position <= b.start
                 ORDER BY s.stream_position DESC LIMIT 1) END, 0), coalesce(k.attempts, 0), k.position IS NOT NULL
  FROM (SELECT DISTINCT unnest($3::bigint[]) AS position) u
  -- One by one whatever the server takes the tables for when it plans this.
  CROSS JOIN LATERAL (SELECT * FROM messages WHERE messages.position = u.position OFFSET 0) m
  CROSS JOIN began b
  LEFT JOIN parked k ON k.grp = $1 AND k.position = m.position
 WHERE m.category = $2
   AND (k.position IS NOT NULL
        OR (m.position > greatest(b.start, (SELECT c.position FROM passed c
                                             WHERE c.priority = m.priority))
            -- One row at a time: as NOT EXISTS it would be a table of all marks of the group.
            AND (SELECT true FROM done d
                  WHERE d.grp = $1 AND d.category = $2 AND d.priority = m.priority
                    AND d.position = m.position) IS NULL))
 ORDER BY m.position
