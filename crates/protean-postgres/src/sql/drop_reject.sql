DELETE FROM protean_intake_rejects WHERE place = $1
