SELECT EXISTS (SELECT 1 FROM parked
                WHERE grp = $1 AND stream = $2 AND stream_position >= $3 AND stream_position < $4)
    OR EXISTS (SELECT 1 FROM dead
                WHERE grp = $1 AND stream = $2 AND stream_position >= $3 AND stream_position < $4)
