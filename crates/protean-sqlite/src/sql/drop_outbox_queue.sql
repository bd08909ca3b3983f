DROP TABLE outbox_queue
