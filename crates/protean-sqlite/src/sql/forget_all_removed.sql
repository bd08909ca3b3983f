DELETE FROM removed WHERE tbl = ?1
