UPDATE enrolments SET start = 9223372036854775807
 WHERE grp = $1 AND EXISTS (
    SELECT 1 FROM group_names n
     WHERE left(n.id, length($2::text) + 1) = $2::text || '#'
       AND CASE WHEN substr(n.id, length($2::text) + 2) ~ '^[0-9]{1,18}$'
                THEN substr(n.id, length($2::text) + 2)::bigint > $3::bigint END)
