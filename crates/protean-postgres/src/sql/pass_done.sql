UPDATE cursors c SET position = reached.position
  FROM (SELECT u.grp, u.category, u.priority,
               (SELECT max(d.position) FROM done d
                 WHERE d.grp = u.grp AND d.category = u.category AND d.priority = u.priority
                   AND d.position > u.position
                   AND d.position < coalesce(
                       (SELECT m.place FROM messages m
                         WHERE m.category = u.category AND m.priority = u.priority
                           AND m.place > u.position
                           AND NOT EXISTS (SELECT 1 FROM done k
                                            WHERE k.grp = u.grp AND k.category = u.category
                                              AND k.priority = u.priority
                                              AND k.position = m.place)
                         ORDER BY m.place LIMIT 1),
                       9223372036854775807)) AS position
          FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
               AS u (grp, category, priority, position)) AS reached
 WHERE c.grp = reached.grp AND c.category = reached.category AND c.priority = reached.priority
   AND reached.position > c.position
