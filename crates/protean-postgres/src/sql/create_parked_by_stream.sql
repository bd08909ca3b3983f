CREATE INDEX parked_by_stream ON parked (grp, stream, stream_position)
