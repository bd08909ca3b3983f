WITH RECURSIVE level (domain, priority) AS (
    (SELECT domain, priority FROM protean_intake ORDER BY domain, priority LIMIT 1)
    UNION ALL
    SELECT next.domain, next.priority
      FROM level
     CROSS JOIN LATERAL (
        SELECT i.domain, i.priority FROM protean_intake i
         WHERE (i.domain, i.priority) > (level.domain, level.priority)
         ORDER BY i.domain, i.priority LIMIT 1) next
)
SELECT w.place, w.id, w.type, w.data, w.priority, w.key,
       EXISTS (SELECT FROM messages m
                WHERE m.correlation_id = w.id AND m.id = w.id AND m.kind = 'COMMAND')
       OR EXISTS (SELECT FROM messages m
                   WHERE m.id = w.id AND m.kind = 'COMMAND' AND m.id <> m.correlation_id),
       w.metadata
  FROM (SELECT i.*, sum(i.bytes) OVER (ORDER BY i.place) - i.bytes AS bytes_before
          FROM level
         CROSS JOIN LATERAL (
            SELECT i.place, i.id, i.type, i.data, i.priority, i.key, i.metadata,
                   octet_length(i.data) + coalesce(octet_length(i.metadata), 0) AS bytes
              FROM protean_intake i
             WHERE i.domain = level.domain AND i.priority = level.priority AND i.place > $5
               AND NOT EXISTS (SELECT FROM protean_intake e
                                WHERE e.transaction = i.transaction AND e.place < i.place
                                  AND (e.priority < $1 OR e.priority > $2)
                                  AND (e.domain = ANY ($3::text[])) = $4)
             ORDER BY i.place LIMIT $6) i
         WHERE level.priority BETWEEN $1 AND $2
           AND (level.domain = ANY ($3::text[])) = $4
         ORDER BY i.place LIMIT $6) w
 WHERE w.bytes_before < $7
 ORDER BY w.place
