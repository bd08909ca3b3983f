INSERT INTO progress (grp, stream, next)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
    ON CONFLICT (grp, stream) DO UPDATE SET next = excluded.next
