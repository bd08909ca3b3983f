SELECT u.grp, u.category, u.priority, c.cursor, greatest(c.cursor, u.point),
       ARRAY(SELECT m.position FROM messages m
              WHERE m.category = u.category COLLATE "C" AND m.priority = u.priority
                AND m.position > greatest(c.cursor, u.point)
              ORDER BY m.position LIMIT $5)
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS u (grp, category, priority, point)
  CROSS JOIN LATERAL (
      SELECT greatest(
          coalesce((SELECT k.position FROM cursors k WHERE k.grp = u.grp
                       AND k.category = u.category AND k.priority = u.priority), 0),
          coalesce((SELECT e.start FROM enrolments e
                     WHERE e.grp = u.grp AND e.category = u.category), 0)) AS cursor) c
