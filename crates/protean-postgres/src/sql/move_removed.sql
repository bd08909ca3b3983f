WITH replaced AS (DELETE FROM removed r WHERE r.tbl = $2
    AND EXISTS (SELECT 1 FROM removed s WHERE s.tbl = $1 AND s.key = r.key))
UPDATE removed SET tbl = $2 WHERE tbl = $1
