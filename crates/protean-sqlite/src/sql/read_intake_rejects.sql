SELECT place, id, type, data, priority, "key", reason, time, metadata
  FROM protean_intake_rejects
 WHERE place > ?1
 ORDER BY place
 LIMIT ?2
