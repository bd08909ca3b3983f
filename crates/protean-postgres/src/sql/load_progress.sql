SELECT 'progress', u.grp, u.stream, NULL::text, NULL::text,
       coalesce(p.next, CASE WHEN e.start > 0 THEN
           (SELECT m.stream_position + 1 FROM messages m
             WHERE m.stream = u.stream COLLATE "C" AND m.position <= e.start
             ORDER BY m.stream_position DESC LIMIT 1) END, 0),
       NULL::bigint, NULL::bigint, NULL::boolean
  FROM unnest($1::text[], $2::text[], $3::text[]) AS u (grp, stream, category)
  LEFT JOIN progress p ON p.grp = u.grp AND p.stream = u.stream
  LEFT JOIN enrolments e ON e.grp = u.grp AND e.category = u.category
