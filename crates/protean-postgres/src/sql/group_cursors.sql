SELECT l.priority, l.cursor,
       (SELECT m.place FROM messages m WHERE m.category = $2 AND m.priority = l.priority
         ORDER BY m.place DESC LIMIT 1)
  FROM lane l ORDER BY l.priority DESC
