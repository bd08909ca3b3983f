INSERT INTO counters (grp, category, term, count) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (grp, category, term) DO UPDATE SET count = count + excluded.count
