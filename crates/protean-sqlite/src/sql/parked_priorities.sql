WITH RECURSIVE level (priority) AS (
    SELECT max(priority) FROM parked
     WHERE grp = ?1 AND category = ?2 AND priority BETWEEN ?3 AND ?4 AND due IS NOT NULL
    UNION ALL
    SELECT (SELECT max(k.priority) FROM parked k
             WHERE k.grp = ?1 AND k.category = ?2 AND k.priority >= ?3
               AND k.priority < level.priority AND k.due IS NOT NULL)
      FROM level WHERE level.priority IS NOT NULL
)
SELECT priority FROM level WHERE priority IS NOT NULL
