CREATE INDEX dead_by_stream ON dead (grp, stream, stream_position)
