SELECT 'cursor', u.grp, u.category, NULL::text, NULL::text, u.priority,
       greatest((SELECT k.position FROM cursors k WHERE k.grp = u.grp
                    AND k.category = u.category AND k.priority = u.priority),
                (SELECT e.start FROM enrolments e
                  WHERE e.grp = u.grp AND e.category = u.category), 0),
       coalesce((SELECT m.place FROM messages m
                  WHERE m.category = u.category AND m.priority = u.priority
                  ORDER BY m.place DESC LIMIT 1), 0),
       EXISTS (SELECT 1 FROM done d
                WHERE d.grp = u.grp AND d.category = u.category AND d.priority = u.priority)
  FROM unnest($1::text[], $2::text[], $3::bigint[]) AS u (grp, category, priority)
