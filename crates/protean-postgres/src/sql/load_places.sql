SELECT 'place', u.category, NULL::text, NULL::text, NULL::text, u.priority, m.place,
       coalesce(lag(m.place) OVER (
           PARTITION BY u.category, u.priority, u.first ORDER BY m.place), b.place), NULL::boolean
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])
       AS u (category, priority, first, last)
  CROSS JOIN LATERAL (
      SELECT coalesce((SELECT l.place FROM messages l
                        WHERE l.category = u.category AND l.priority = u.priority
                          AND l.place < u.first
                        ORDER BY l.place DESC LIMIT 1), 0) AS place) b
  JOIN messages m ON m.category = u.category AND m.priority = u.priority
                 AND m.place BETWEEN u.first AND u.last
