UPDATE enrolments SET start = 9223372036854775807
 WHERE grp = ?1 AND EXISTS (
    SELECT 1 FROM group_names n
     WHERE substr(n.id, 1, length(?2) + 1) = ?2 || '#'
       AND CAST(substr(n.id, length(?2) + 2) AS INTEGER) > ?3)
