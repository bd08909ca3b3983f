INSERT INTO message_counts (category, priority, position, messages)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])
