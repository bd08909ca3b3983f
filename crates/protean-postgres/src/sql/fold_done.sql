DELETE FROM done d
 USING unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS u (grp, category, priority, position)
 WHERE d.grp = u.grp AND d.category = u.category AND d.priority = u.priority
   AND d.position <= u.position
