m.position, m.stream, m.stream_position, m.category, m.priority, m.kind, m.type, m.version,
       m.id, m.correlation_id, m.causation_id, m.time, m.data, m.extensions,
       coalesce((SELECT p.next FROM progress p WHERE p.grp = $1 AND p.stream = m.stream),
           CASE WHEN b.start > 0 THEN
               (SELECT s.stream_position + 1 FROM messages s
                 WHERE s.stream = m.stream AND s.position <= b.start
                 ORDER BY s.stream_position DESC LIMIT 1) END, 0)
