CREATE INDEX protean_intake_by_transaction ON protean_intake (transaction, place)
