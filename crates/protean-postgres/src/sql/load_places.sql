SELECT u.category, u.priority, u.position,
       coalesce((SELECT m.place FROM messages m
                  WHERE m.category = u.category AND m.priority = u.priority
                    AND m.place < u.position
                  ORDER BY m.place DESC LIMIT 1), 0)
  FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS u (category, priority, position)
  JOIN messages l ON l.position = u.position AND l.category = u.category AND l.priority = u.priority
