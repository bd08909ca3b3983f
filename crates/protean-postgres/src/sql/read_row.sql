SELECT found.*, removed.version
FROM (SELECT) AS one
LEFT JOIN ({select}) AS found ON true
LEFT JOIN removed ON removed.tbl = $2 AND removed.key = $3
