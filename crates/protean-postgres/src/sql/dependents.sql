WITH t AS (SELECT to_regclass(quote_ident($1))::oid AS oid)
SELECT DISTINCT kind || ' ' || quote_literal(name) FROM (
    SELECT 'the view' AS kind, v.relname AS name
      FROM t JOIN pg_depend d ON d.refobjid = t.oid AND d.refclassid = 'pg_class'::regclass
             AND d.classid = 'pg_rewrite'::regclass
      JOIN pg_rewrite w ON w.oid = d.objid
      JOIN pg_class v ON v.oid = w.ev_class AND v.oid <> t.oid
     UNION ALL
    SELECT 'the rule', w.rulename FROM t JOIN pg_rewrite w ON w.ev_class = t.oid
     UNION ALL
    SELECT 'the trigger', g.tgname FROM t JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal
     UNION ALL
    SELECT 'the foreign key', c.conname FROM t
      JOIN pg_constraint c ON c.contype = 'f' AND t.oid IN (c.conrelid, c.confrelid)
     UNION ALL
    SELECT 'the constraint', c.conname FROM t
      JOIN pg_constraint c ON c.conrelid = t.oid AND c.contype IN ('c', 'u', 'x')
     UNION ALL
    SELECT 'the publication', p.pubname FROM t
      JOIN pg_publication_rel r ON r.prrelid = t.oid JOIN pg_publication p ON p.oid = r.prpubid
     UNION ALL
    SELECT 'the policy', p.polname FROM t JOIN pg_policy p ON p.polrelid = t.oid
     UNION ALL
    SELECT 'the statistics', s.stxname FROM t JOIN pg_statistic_ext s ON s.stxrelid = t.oid
     UNION ALL
    SELECT 'the function', f.proname
      FROM t JOIN pg_class c ON c.oid = t.oid
      JOIN pg_depend d ON d.classid = 'pg_proc'::regclass
             AND (d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid
                  OR d.refclassid = 'pg_type'::regclass AND d.refobjid = c.reltype)
      JOIN pg_proc f ON f.oid = d.objid
     UNION ALL
    SELECT 'the column', (d.objid::regclass || '.' || a.attname)::name
      FROM t JOIN pg_class c ON c.oid = t.oid
      JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objsubid > 0
             AND d.refclassid = 'pg_type'::regclass AND d.refobjid = c.reltype
      JOIN pg_attribute a ON a.attrelid = d.objid AND a.attnum = d.objsubid
     UNION ALL
    SELECT 'the inheritance of', h.relname FROM t
      JOIN pg_inherits i ON t.oid IN (i.inhrelid, i.inhparent)
      JOIN pg_class h ON h.oid IN (i.inhrelid, i.inhparent) AND h.oid <> t.oid
) AS found ORDER BY 1
