SELECT key, due, message
  FROM "protean.scheduled"
 WHERE priority = ?1 AND (due, key) > (?2, ?3) AND due <= ?4
 ORDER BY due, key
 LIMIT ?5
