DELETE FROM done d
 USING unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS u (grp, category, priority, position),
       cursors c
 WHERE c.grp = u.grp AND c.category = u.category AND c.priority = u.priority
   AND d.grp = c.grp AND d.category = c.category AND d.priority = c.priority
   AND d.position <= c.position
