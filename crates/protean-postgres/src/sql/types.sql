SELECT category, type, kind, count(*), min(time), max(time)
  FROM messages GROUP BY category, type, kind ORDER BY category, type, kind
