DELETE FROM removed r USING unnest($1::text[], $2::text[]) AS u (tbl, key)
 WHERE r.tbl = u.tbl AND r.key = u.key
