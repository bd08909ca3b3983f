DELETE FROM protean_intake WHERE place = ANY ($1::bigint[])
