SELECT EXISTS (SELECT 1 FROM level
                WHERE EXISTS (SELECT 1 FROM "protean.scheduled" s
                               WHERE s.priority = level.priority AND s.due <= ?3))
    OR EXISTS (SELECT 1 FROM protean_intake
                WHERE domain IN (SELECT value FROM json_each(?4)) AND priority BETWEEN ?1 AND ?2)
