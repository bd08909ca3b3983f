SELECT m.position, m.stream, m.stream_position, m.category, m.priority, m.kind, m.type, m.version,
       m.id, m.correlation_id, m.causation_id, m.time, m.data, m.extensions, p.next
  FROM messages m
  LEFT JOIN progress p ON p.grp = ?1 AND p.stream = m.stream
 WHERE m.position = ?3 AND m.category = ?2
