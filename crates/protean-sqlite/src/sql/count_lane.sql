WITH first (position, messages) AS (
    SELECT position, messages FROM message_counts
     WHERE category = ?1 AND priority = ?2 AND position >= ?3 ORDER BY position LIMIT 1
), last (position, messages) AS (
    SELECT position, messages FROM message_counts
     WHERE category = ?1 AND priority = ?2 AND position >= ?3 ORDER BY position DESC LIMIT 1
)
SELECT coalesce(
    (SELECT (SELECT count(*) FROM messages m WHERE m.category = ?1 AND m.priority = ?2
                AND m.position > ?3 AND m.position <= first.position)
          + last.messages - first.messages
          + (SELECT count(*) FROM messages m WHERE m.category = ?1 AND m.priority = ?2
                AND m.position > last.position)
       FROM first, last),
    (SELECT count(*) FROM messages WHERE category = ?1 AND priority = ?2 AND position > ?3)
)
