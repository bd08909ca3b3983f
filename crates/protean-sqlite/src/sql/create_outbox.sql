CREATE VIEW outbox AS
SELECT m.position                                AS id,
       m.id                                      AS message_id,
       m.stream                                  AS stream_name,
       m.type                                    AS type,
       m.data                                    AS data,
       json_object(
           'headers', json_object('id', m.id, 'type', m.type, 'stream', m.stream),
           'domain', json_object(
               'kind', m.kind, 'stream_category', m.category, 'version', m.version,
               'priority', m.priority, 'correlation_id', m.correlation_id,
               'causation_id', m.causation_id),
           'extensions', json(coalesce(m.extensions, '{}')))
                                                 AS metadata_,
       strftime('%Y-%m-%dT%H:%M:%S', m.time / 1000000, 'unixepoch')
           || printf('.%06d+00:00', m.time % 1000000)
                                                 AS created_at,
       NULL                                      AS published_at,
       coalesce(q.attempts, 0)                   AS retry_count,
       NULL                                      AS last_processed_at,
       NULL                                      AS last_error,
       iif(q.position IS NULL, 'published', 'pending')
                                                 AS status,
       NULL                                      AS max_retries,
       strftime('%Y-%m-%dT%H:%M:%S', q.due / 1000000, 'unixepoch')
           || printf('.%06d+00:00', q.due % 1000000)
                                                 AS next_retry_at,
       NULL                                      AS locked_until,
       NULL                                      AS locked_by,
       m.stream_position                         AS sequence_number,
       m.correlation_id                          AS correlation_id,
       m.causation_id                            AS causation_id,
       m.stream                                  AS partition_key,
       m.priority                                AS priority,
       NULL                                      AS target_broker
  FROM messages m
  LEFT JOIN outbox_queue q ON q.position = m.position
