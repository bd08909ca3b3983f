SELECT position, stream, stream_position, category, priority, kind, type, version,
       id, correlation_id, causation_id, time, data, extensions
  FROM messages
