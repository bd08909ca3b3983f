DELETE FROM protean_intake WHERE place = ?1
