SELECT m.position, m.stream, m.stream_position, m.category, m.priority, m.kind, m.type, m.version,
       m.id, m.correlation_id, m.causation_id, m.time, m.data, m.extensions,
       d.attempts, d.reason, d.time
  FROM dead d
  JOIN messages m ON m.position = d.position
 WHERE d.grp = ?1 AND d.category = ?2 AND d.position > ?3 AND d.time < ?4
 ORDER BY d.position LIMIT ?5
