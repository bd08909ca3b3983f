UPDATE removed SET tbl = ?2 WHERE tbl = ?1
