SELECT u.stream, (SELECT m.stream_position + 1 FROM messages m WHERE m.stream = u.stream
                   ORDER BY m.stream_position DESC LIMIT 1)
  FROM unnest($1::text[]) AS u (stream)
