WITH granted AS (
    SELECT NULL::name AS field, a.* FROM pg_class c, aclexplode(c.relacl) a
     WHERE c.oid = to_regclass(quote_ident($1)) AND a.grantee <> c.relowner
     UNION ALL
    SELECT f.attname, a.* FROM pg_attribute f JOIN pg_class c ON c.oid = f.attrelid,
           aclexplode(f.attacl) a
     WHERE c.oid = to_regclass(quote_ident($1)) AND NOT f.attisdropped AND a.grantee <> c.relowner
       AND EXISTS (SELECT 1 FROM pg_attribute s
                    WHERE s.attrelid = to_regclass(quote_ident($2)) AND s.attname = f.attname)
)
SELECT format('GRANT %s%s ON %I TO %s%s', g.privilege_type,
              coalesce(' (' || quote_ident(g.field) || ')', ''), $2::text,
              CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
              CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM granted g
