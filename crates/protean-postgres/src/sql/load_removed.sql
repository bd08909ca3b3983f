SELECT r.tbl, r.key, r.version FROM unnest($1::text[], $2::text[]) AS u (tbl, key)
  JOIN removed r ON r.tbl = u.tbl AND r.key = u.key
