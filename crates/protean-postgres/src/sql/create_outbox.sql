CREATE VIEW outbox AS
SELECT m.position                                AS id,
       m.id                                      AS message_id,
       m.stream                                  AS stream_name,
       m.type                                    AS type,
       m.data                                    AS data,
       json_build_object(
           'headers', json_build_object('id', m.id, 'type', m.type, 'stream', m.stream),
           'domain', json_build_object(
               'kind', m.kind, 'stream_category', m.category, 'version', m.version,
               'priority', m.priority, 'correlation_id', m.correlation_id,
               'causation_id', m.causation_id),
           'extensions', coalesce(m.extensions, '{}')::json)::text
                                                 AS metadata_,
       to_char(to_timestamp(m.time / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
           || '.' || lpad((m.time % 1000000)::text, 6, '0') || '+00:00'
                                                 AS created_at,
       NULL::text                                AS published_at,
       coalesce(q.attempts, 0)                   AS retry_count,
       NULL::text                                AS last_processed_at,
       NULL::text                                AS last_error,
       CASE WHEN q.position IS NULL THEN 'published' ELSE 'pending' END
                                                 AS status,
       NULL::bigint                              AS max_retries,
       to_char(to_timestamp(q.due / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
           || '.' || lpad((q.due % 1000000)::text, 6, '0') || '+00:00'
                                                 AS next_retry_at,
       NULL::text                                AS locked_until,
       NULL::text                                AS locked_by,
       m.stream_position                         AS sequence_number,
       m.correlation_id                          AS correlation_id,
       m.causation_id                            AS causation_id,
       m.stream                                  AS partition_key,
       m.priority                                AS priority,
       NULL::text                                AS target_broker
  FROM messages m
  LEFT JOIN outbox_queue q ON q.position = m.position
