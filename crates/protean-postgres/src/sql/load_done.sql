SELECT 'done', d.grp, d.category, NULL::text, NULL::text, d.priority, d.position,
       NULL::bigint, NULL::boolean
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS u (grp, category, priority, position)
  JOIN done d ON d.grp = u.grp AND d.category = u.category AND d.priority = u.priority
             AND d.position = u.position
