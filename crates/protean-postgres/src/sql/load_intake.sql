SELECT 'intake', NULL::text, NULL::text, NULL::text, NULL::text,
       i.place, NULL::bigint, NULL::bigint, NULL::boolean
  FROM unnest($1::bigint[]) AS u (place)
  JOIN protean_intake i ON i.place = u.place
UNION ALL
SELECT 'intake_reject', NULL, NULL, NULL, NULL, r.place, NULL, NULL, NULL
  FROM unnest($1::bigint[]) AS u (place)
  JOIN protean_intake_rejects r ON r.place = u.place
