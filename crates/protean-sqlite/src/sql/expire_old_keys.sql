UPDATE idempotency SET expires = time + 86400000000
