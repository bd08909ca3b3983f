WITH RECURSIVE began (start) AS (
    SELECT coalesce((SELECT start FROM enrolments WHERE grp = $1 AND category = $2), 0)
), level (priority) AS (
    (SELECT priority FROM messages WHERE category = $2 AND priority BETWEEN $3 AND $4
      ORDER BY priority DESC LIMIT 1)
    UNION ALL
    SELECT (SELECT m.priority FROM messages m
             WHERE m.category = $2 AND m.priority >= $3 AND m.priority < level.priority
             ORDER BY m.priority DESC LIMIT 1)
      FROM level WHERE level.priority IS NOT NULL
), page AS MATERIALIZED (
    SELECT {columns}
      FROM level l
      CROSS JOIN began b
      CROSS JOIN LATERAL (
          SELECT k.*
            FROM messages k
           WHERE k.category = $2 AND k.priority = l.priority
             AND k.place > greatest(b.start,
                     (SELECT c.position FROM cursors c
                       WHERE c.grp = $1 AND c.category = $2 AND c.priority = l.priority),
                     (SELECT max(a.position) FROM unnest($5::bigint[], $6::bigint[]) AS a (priority, position)
                       WHERE a.priority = l.priority))
             AND NOT EXISTS (SELECT 1 FROM done d
                              WHERE d.grp = $1 AND d.category = $2 AND d.priority = l.priority
                                AND d.position = k.place)
           ORDER BY k.place LIMIT $7) m
     WHERE l.priority IS NOT NULL
     ORDER BY m.priority DESC, m.position LIMIT $7
), flushed (lsn) AS MATERIALIZED (
    -- What leaves the database is on disk: this makes the read a small transaction, whose end
    -- waits for all that the page shows. See turnstile.rs.
    SELECT pg_logical_emit_message(true, 'protean', '')
      FROM (SELECT max(position) AS last FROM page) p
     WHERE p.last > $8
       AND (pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn()
            OR current_setting('synchronous_standby_names') <> '')
)
SELECT page.*, flushed.lsn, {also}
  FROM page
  LEFT JOIN flushed ON true
 ORDER BY page.priority DESC, page.position
