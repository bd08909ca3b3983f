SELECT m.position, m.stream, m.stream_position, m.category, m.priority, m.kind, m.type, m.version,
       m.id, m.correlation_id, m.causation_id, m.time, m.data, m.extensions,
       p.next, k.attempts
  FROM parked k
  JOIN messages m ON m.position = k.position
  LEFT JOIN progress p ON p.grp = k.grp AND p.stream = k.stream
 WHERE k.grp = ?1 AND k.position = ?2
