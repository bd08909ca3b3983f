SELECT category, priority, position, number
  FROM (SELECT category, priority, position,
               row_number() OVER (PARTITION BY category, priority ORDER BY position) AS number
          FROM messages) AS lane
 WHERE number % 4096 = 0
