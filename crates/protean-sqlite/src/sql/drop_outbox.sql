DROP VIEW outbox
