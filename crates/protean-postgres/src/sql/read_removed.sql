SELECT version FROM removed WHERE tbl = $1 AND key = $2
