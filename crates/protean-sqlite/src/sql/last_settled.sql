SELECT max(d.position) FROM done d
 WHERE d.grp = ?1 AND d.category = ?2 AND d.priority = ?3 AND d.position > ?4
   AND d.position < coalesce(
       (SELECT m.position FROM messages m
         WHERE m.category = ?2 AND m.priority = ?3 AND m.position > ?4
           AND NOT EXISTS (SELECT 1 FROM done k
                            WHERE k.grp = ?1 AND k.category = ?2 AND k.priority = ?3
                              AND k.position = m.position)
         ORDER BY m.position LIMIT 1),
       9223372036854775807)
