CASE WHEN (SELECT count(*) FROM page) <= 16 THEN ARRAY(
    SELECT CASE WHEN page.position > greatest(e.start,
                    (SELECT c.position FROM cursors c
                      WHERE c.grp = g.grp AND c.category = $2 AND c.priority = page.priority))
                 -- One row at a time: as NOT EXISTS each would be a table of all rows of the group.
                 AND (SELECT true FROM done d
                       WHERE d.grp = g.grp AND d.category = $2 AND d.priority = page.priority
                         AND d.position = page.position) IS NULL
                 AND (SELECT true FROM parked k
                       WHERE k.grp = g.grp AND k.position = page.position) IS NULL
           THEN coalesce((SELECT p.next FROM progress p
                           WHERE p.grp = g.grp AND p.stream = page.stream),
                    CASE WHEN e.start > 0 THEN
                        (SELECT s.stream_position + 1 FROM messages s
                          WHERE s.stream = page.stream AND s.position <= e.start
                          ORDER BY s.stream_position DESC LIMIT 1) END, 0) END
      FROM unnest($9::text[]) WITH ORDINALITY AS g (grp, number)
      JOIN LATERAL (SELECT (SELECT start FROM enrolments
                             WHERE enrolments.grp = g.grp AND enrolments.category = $2) AS start) e
        ON true
     ORDER BY g.number) END
