SELECT position, stream, stream_position, category, priority, kind, type, version,
       id, correlation_id, causation_id, time, data, extensions
  FROM messages
 WHERE stream = $1 AND stream_position >= $2
 ORDER BY stream_position LIMIT $3
