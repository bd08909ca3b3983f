CREATE INDEX protean_intake_by_domain ON protean_intake (domain, priority, place)
