SELECT 'head', NULL::text, NULL::text, NULL::text, NULL::text,
       coalesce(max(position), 0), NULL::bigint, NULL::bigint, NULL::boolean
  FROM messages
