SELECT notes FROM "protean.claims" WHERE grp = $1
