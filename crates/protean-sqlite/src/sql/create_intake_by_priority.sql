CREATE INDEX protean_intake_by_priority ON protean_intake (priority, place)
