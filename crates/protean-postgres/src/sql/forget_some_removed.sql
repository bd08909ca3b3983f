DELETE FROM removed
 WHERE tbl = $1 AND key IN (SELECT key FROM removed WHERE tbl = $1 LIMIT $2)
