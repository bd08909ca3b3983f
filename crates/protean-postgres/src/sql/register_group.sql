INSERT INTO enrolments (grp, category, start)
VALUES ($1, $2, CASE WHEN $3::boolean THEN 0 ELSE (SELECT coalesce(max(position), 0) FROM messages) END)
    ON CONFLICT DO NOTHING
