SELECT l.priority, l.cursor,
       (SELECT count(*) FROM messages m
         WHERE m.category = $2 AND m.priority = l.priority AND m.place > l.start),
       (SELECT count(*) FROM messages m
         WHERE m.category = $2 AND m.priority = l.priority AND m.place > l.cursor)
           - (SELECT count(*) FROM done d WHERE d.grp = $1 AND d.category = $2
                 AND d.priority = l.priority AND d.position > l.cursor),
       (SELECT m.time FROM messages m
         WHERE m.category = $2 AND m.priority = l.priority AND m.place > l.cursor
           AND NOT EXISTS (SELECT 1 FROM done d WHERE d.grp = $1 AND d.category = $2
                              AND d.priority = l.priority AND d.position = m.place)
         ORDER BY m.place LIMIT 1),
       (SELECT count(*) FROM parked k
         WHERE k.grp = $1 AND k.category = $2 AND k.priority = l.priority),
       (SELECT count(*) FROM dead k
         WHERE k.grp = $1 AND k.category = $2 AND k.priority = l.priority),
       (SELECT m.place FROM messages m WHERE m.category = $2 AND m.priority = l.priority
         ORDER BY m.place DESC LIMIT 1)
  FROM lane l ORDER BY l.priority DESC
