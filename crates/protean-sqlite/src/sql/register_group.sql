INSERT INTO enrolments (grp, category, start) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING
