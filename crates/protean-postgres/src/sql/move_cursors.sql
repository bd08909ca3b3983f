INSERT INTO cursors (grp, category, priority, position)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
    ON CONFLICT (grp, category, priority) DO UPDATE
    SET position = greatest(cursors.position, excluded.position)
