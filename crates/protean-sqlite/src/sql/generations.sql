SELECT name FROM sqlite_schema
 WHERE type = 'table' AND name GLOB ?1 || '__g[0-9]*'
   AND NOT substr(name, length(?1) + 4) GLOB '*[^0-9]*'
