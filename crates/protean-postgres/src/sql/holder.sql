SELECT current_setting('lock_timeout'), (
    SELECT format('the process %s of the server (%s) holds it', a.pid, coalesce(a.state, ''))
      FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 1349678190
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
     ORDER BY l.objid LIMIT 1)
