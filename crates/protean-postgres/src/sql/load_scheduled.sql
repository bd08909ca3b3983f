SELECT 'scheduled', s.key, s.id, NULL::text, NULL::text,
       NULL::bigint, NULL::bigint, NULL::bigint, NULL::boolean
  FROM unnest($1::text[]) AS u (key)
  JOIN "protean.scheduled" s ON s.key = u.key
