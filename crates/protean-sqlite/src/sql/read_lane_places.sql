SELECT m.position, m.priority, m.id
  FROM messages m INDEXED BY messages_by_lane
 WHERE m.category = ?2 AND m.priority = ?3 AND m.position > ?4
   AND NOT EXISTS (SELECT 1 FROM done d
                    WHERE d.grp = ?1 AND d.category = ?2 AND d.priority = ?3
                      AND d.position = m.position)
 ORDER BY m.position LIMIT ?5
