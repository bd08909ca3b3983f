SELECT 'head', NULL::text, NULL::text, NULL::text, NULL::text,
       coalesce(max(position), 0),
       (SELECT generation FROM "protean.correlations"), NULL::bigint, NULL::boolean
  FROM messages
