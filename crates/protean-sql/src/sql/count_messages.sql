WITH RECURSIVE present (category) AS (
    SELECT min(category) FROM messages
    UNION ALL
    SELECT (SELECT min(m.category) FROM messages m WHERE m.category > present.category)
      FROM present WHERE present.category IS NOT NULL
), level (category, priority) AS (
    SELECT category, (SELECT max(m.priority) FROM messages m WHERE m.category = present.category)
      FROM present WHERE category IS NOT NULL
    UNION ALL
    SELECT category, (SELECT max(m.priority) FROM messages m
                       WHERE m.category = level.category AND m.priority < level.priority)
      FROM level WHERE priority IS NOT NULL
), known (category, priority, position, messages) AS (
    SELECT category, priority,
           coalesce((SELECT c.position FROM message_counts c
                      WHERE c.category = level.category AND c.priority = level.priority
                      ORDER BY c.position DESC LIMIT 1), 0),
           coalesce((SELECT c.messages FROM message_counts c
                      WHERE c.category = level.category AND c.priority = level.priority
                      ORDER BY c.position DESC LIMIT 1), 0)
      FROM level WHERE priority IS NOT NULL
), counted (category, priority, position, messages, fresh) AS MATERIALIZED (
    SELECT category, priority,
           (SELECT max(m.{place}) FROM messages m
             WHERE m.category = known.category AND m.priority = known.priority),
           messages,
           (SELECT count(*) FROM messages m
             WHERE m.category = known.category AND m.priority = known.priority
               AND m.{place} > known.position)
      FROM known
)
INSERT INTO message_counts (category, priority, position, messages)
SELECT category, priority, position, messages + fresh FROM counted
 WHERE fresh > 0
