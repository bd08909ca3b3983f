SELECT 'stream', u.stream, NULL::text, NULL::text, NULL::text,
       (SELECT m.stream_position + 1 FROM messages m WHERE m.stream = u.stream
         ORDER BY m.stream_position DESC LIMIT 1), NULL::bigint, NULL::bigint, NULL::boolean
  FROM unnest($1::text[]) AS u (stream)
