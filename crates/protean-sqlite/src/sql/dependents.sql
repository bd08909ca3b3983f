SELECT 'the view ' || quote(name) FROM sqlite_schema
 WHERE type = 'view' AND ' ' || lower(sql) || ' ' GLOB '*[^a-z0-9_]' || ?1 || '[^a-z0-9_]*'
 UNION ALL
SELECT 'the trigger ' || quote(name) FROM sqlite_schema
 WHERE type = 'trigger'
   AND (lower(tbl_name) = ?1
        OR ' ' || lower(sql) || ' ' GLOB '*[^a-z0-9_]' || ?1 || '[^a-z0-9_]*')
 UNION ALL
SELECT 'the foreign key of ' || quote(s.name) FROM sqlite_schema s
 WHERE s.type = 'table'
   AND EXISTS (SELECT 1 FROM pragma_foreign_key_list(s.name) k
                WHERE lower(k."table") = ?1 OR s.name = ?1)
