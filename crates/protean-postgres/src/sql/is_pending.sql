SELECT EXISTS (SELECT FROM level
                WHERE level.priority >= $1
                  AND EXISTS (SELECT FROM "protean.scheduled" s
                               WHERE s.priority = level.priority AND s.due <= $3))
    OR EXISTS (SELECT FROM protean_intake
                WHERE domain = ANY ($4::text[]) AND priority BETWEEN $1 AND $2)
