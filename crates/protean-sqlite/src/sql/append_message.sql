INSERT INTO messages (stream, stream_position, category, priority, kind, type, version,
                      id, correlation_id, causation_id, time, data, extensions)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
