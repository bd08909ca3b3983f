WITH RECURSIVE level (priority) AS (
    (SELECT priority FROM protean_intake WHERE priority <= $2 ORDER BY priority DESC LIMIT 1)
    UNION ALL
    SELECT (SELECT i.priority FROM protean_intake i
             WHERE i.priority < level.priority ORDER BY i.priority DESC LIMIT 1)
      FROM level WHERE level.priority >= $1
)
SELECT w.place, w.id, w.type, w.data, w.priority, w.key,
       EXISTS (SELECT FROM messages m
                WHERE m.correlation_id = w.id AND m.id = w.id AND m.kind = 'COMMAND')
       OR EXISTS (SELECT FROM messages m
                   WHERE m.id = w.id AND m.kind = 'COMMAND' AND m.id <> m.correlation_id),
       w.metadata
  FROM (SELECT i.place, i.id, i.type, i.data, i.priority, i.key, i.metadata
          FROM level
         CROSS JOIN LATERAL (
            SELECT * FROM protean_intake i
             WHERE i.priority = level.priority
               AND NOT (strpos(i.type, '.') > 0 AND split_part(i.type, '.', 1) = ANY ($4::text[]))
               AND NOT EXISTS (SELECT FROM protean_intake e
                                WHERE e.transaction = i.transaction AND e.place < i.place
                                  AND (e.priority < $1 OR e.priority > $2)
                                  AND NOT (strpos(e.type, '.') > 0
                                           AND split_part(e.type, '.', 1) = ANY ($4::text[])))
             ORDER BY i.place LIMIT $3) i
         WHERE level.priority >= $1
         ORDER BY i.place LIMIT $3) w
 ORDER BY w.place
