CREATE INDEX idempotency_by_expiry ON idempotency (expires)
