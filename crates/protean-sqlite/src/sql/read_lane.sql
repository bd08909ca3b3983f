SELECT m.position, m.stream, m.stream_position, m.category, m.priority, m.kind, m.type, m.version,
       m.id, m.correlation_id, m.causation_id, m.time, m.data, m.extensions, p.next
  FROM messages m INDEXED BY messages_by_lane
  LEFT JOIN progress p ON p.grp = ?1 AND p.stream = m.stream
 WHERE m.category = ?2 AND m.priority = ?3 AND m.position > ?4
   AND NOT EXISTS (SELECT 1 FROM done d
                    WHERE d.grp = ?1 AND d.category = ?2 AND d.priority = ?3
                      AND d.position = m.position)
 ORDER BY m.position LIMIT ?5
