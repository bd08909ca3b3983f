SELECT stream FROM messages
 GROUP BY stream
HAVING min(stream_position) <> 0 OR max(stream_position) <> count(*) - 1
 ORDER BY stream LIMIT $1
