SELECT i.place, i.id, i.type, i.data, i.priority, i."key",
       EXISTS (SELECT 1 FROM messages m
                WHERE m.correlation_id = i.id AND m.id = i.id AND m.kind = 'COMMAND')
       OR EXISTS (SELECT 1 FROM messages m
                   WHERE m.id = i.id AND m.kind = 'COMMAND' AND m.id <> m.correlation_id),
       i.metadata
  FROM protean_intake i
 WHERE i.domain = CAST(?1 AS TEXT) AND i.priority = ?2 AND i.place > ?3
 ORDER BY i.place
 LIMIT ?4
