SELECT category, priority, {place}, number
  FROM (SELECT category, priority, {place},
               row_number() OVER (PARTITION BY category, priority ORDER BY {place}) AS number
          FROM messages) AS lane
 WHERE number % {interval} = 0
