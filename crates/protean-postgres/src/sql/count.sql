INSERT INTO counters (grp, category, term, count)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
    ON CONFLICT (grp, category, term) DO UPDATE SET count = counters.count + excluded.count
