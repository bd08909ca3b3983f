INSERT INTO progress (grp, stream, next) VALUES (?1, ?2, ?3 + 1)
