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
       coalesce(d.attempts, p.attempts, 0)       AS retry_count,
       strftime('%Y-%m-%dT%H:%M:%S', d.time / 1000000, 'unixepoch')
           || printf('.%06d+00:00', d.time % 1000000)
                                                 AS last_processed_at,
       coalesce(d.reason, p.reason)              AS last_error,
       CASE WHEN r.grp IS NULL              THEN 'published'
            WHEN d.position IS NOT NULL     THEN 'abandoned'
            WHEN p.position IS NOT NULL     THEN 'failed'
            WHEN m.position <= c.position   THEN 'published'
            WHEN o.position IS NOT NULL     THEN 'published'
            ELSE 'pending' END                   AS status,
       NULL                                      AS max_retries,
       strftime('%Y-%m-%dT%H:%M:%S', p.due / 1000000, 'unixepoch')
           || printf('.%06d+00:00', p.due % 1000000)
                                                 AS next_retry_at,
       NULL                                      AS locked_until,
       NULL                                      AS locked_by,
       m.stream_position                         AS sequence_number,
       m.correlation_id                          AS correlation_id,
       m.causation_id                            AS causation_id,
       m.stream                                  AS partition_key,
       m.priority                                AS priority,
       substr(r.grp, instr(r.grp, '.relay:') + 7)
                                                 AS target_broker
  FROM messages m
  LEFT JOIN enrolments r ON r.category = m.category AND r.start < m.position
                        AND instr(r.grp, '.relay:') > 0
  LEFT JOIN cursors c ON c.grp = r.grp AND c.category = m.category AND c.priority = m.priority
  LEFT JOIN done o ON o.grp = r.grp AND o.category = m.category AND o.priority = m.priority
                  AND o.position = m.position
  LEFT JOIN parked p ON p.grp = r.grp AND p.position = m.position
  LEFT JOIN dead d ON d.grp = r.grp AND d.position = m.position
