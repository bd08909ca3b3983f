SELECT position FROM messages WHERE stream = $2 AND id = $1 AND kind = 'EVENT'
UNION ALL
SELECT position FROM messages WHERE correlation_id = $1 AND id = $1 AND kind = 'COMMAND'
UNION ALL
SELECT position FROM messages WHERE id = $1 AND kind = 'COMMAND' AND id <> correlation_id
