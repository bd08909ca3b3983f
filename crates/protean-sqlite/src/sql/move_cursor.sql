INSERT INTO cursors (grp, category, priority, position) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (grp, category, priority) DO UPDATE SET position = max(position, excluded.position)
