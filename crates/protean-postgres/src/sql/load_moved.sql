SELECT '{table}', k.grp, k.stream, NULL::text, NULL::text, k.position, k.stream_position,
       NULL::bigint, NULL::boolean
  FROM (SELECT u.grp, u.stream, k.position, k.stream_position
          FROM unnest($1::text[], $2::text[]) AS u (grp, stream)
          CROSS JOIN LATERAL (
              SELECT t.position, t.stream_position FROM {table} t
               WHERE t.grp = u.grp AND t.stream = u.stream
                 AND t.stream_position >= coalesce((SELECT p.next FROM progress p
                                                     WHERE p.grp = u.grp AND p.stream = u.stream), 0)
               ORDER BY t.stream_position LIMIT 500) k
        UNION
        SELECT t.grp, t.stream, t.position, t.stream_position
          FROM unnest($3::text[], $4::bigint[]) AS u (grp, position)
          JOIN {table} t ON t.grp = u.grp AND t.position = u.position) k
