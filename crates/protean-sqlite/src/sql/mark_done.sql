INSERT INTO done (grp, category, priority, position) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT DO NOTHING
