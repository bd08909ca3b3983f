//! What each key of the settings does, in a sentence for the reference.

/// Each key with its sentence. A key of a subscription stands for that key of each section
/// that speaks of subscriptions.
pub(super) const MEANINGS: &[(&str, &str)] = &[
    ("command_processing", "when command handlers run: before `process` returns, or in a server"),
    ("event_processing", "when event handlers, projectors and process managers run"),
    ("message_processing", "when subscribers to the streams of other systems run"),
    (
        "command_default_timeout",
        "how long a command without a deadline stays valid; one that is handled later counts as expired",
    ),
    (
        "snapshot_threshold",
        "how many events of an event-sourced aggregate lie between two snapshots; 0 takes snapshots only when `snapshot create` runs",
    ),
    ("enable_outbox", "whether what is committed is published to the broker"),
    (
        "lenient_deserialization",
        "whether fields that a message has and its type does not are ignored; otherwise such a message cannot be read",
    ),
    ("custom", "settings of your own"),
    ("databases.default.provider", "where everything is stored"),
    (
        "databases.default.database_uri",
        "the address of the database: `sqlite:FILE` or `postgresql://…`",
    ),
    ("databases.default.pool_size", "how many connections read; at least 2"),
    (
        "databases.default.synchronous",
        "what a commit to an SQLite file waits for; with `normal` a power cut may lose the last commits",
    ),
    (
        "brokers.NAME.provider",
        "`redis` for Redis Streams, `redis_pubsub` for messages that may be missed, `inline` for none",
    ),
    (
        "brokers.NAME.URI",
        "the address of the broker: `redis://HOST:PORT/DATABASE`, or `rediss://` with encryption",
    ),
    ("brokers.NAME.max_connections", "the most connections of this process to the broker"),
    ("brokers.NAME.socket_timeout", "how long a request to the broker may take"),
    ("brokers.NAME.socket_connect_timeout", "how long connecting to the broker may take"),
    ("event_store.provider", "the log is a part of the default database"),
    ("event_store.database_uri", "the log is a part of the default database"),
    ("telemetry.enabled", "whether spans and metrics are sent to a collector"),
    ("telemetry.endpoint", "the collector's address for OTLP over HTTP, without `/v1/traces`"),
    ("telemetry.service_name", "the service that spans and metrics name"),
    ("telemetry.resource_attributes", "what else spans and metrics say of their service"),
    ("logging.format", "how log lines are written: `text` for people, `json` for machines"),
    ("intake.max_priority", "the highest priority that a row of `protean_intake` may have"),
    ("idempotency.ttl", "how long the answer to a command with an idempotency key is kept"),
    (
        "idempotency.error_ttl",
        "how long the failure of a command with an idempotency key is kept; then the key is free",
    ),
    ("outbox.broker", "the broker that gets every message"),
    ("outbox.external_brokers", "brokers that get a copy of each published event"),
    ("outbox.external_metadata", "the keys of metadata that external brokers get"),
    ("outbox.tick_interval", "how often the relay looks for messages when no commit wakes it"),
    (
        "outbox.retry.max_attempts",
        "how often a message that the broker refuses is tried before it is abandoned",
    ),
    ("outbox.retry.base_delay_seconds", "how long the second attempt waits"),
    ("outbox.retry.max_backoff_seconds", "the longest wait between two attempts"),
    ("outbox.retry.backoff_multiplier", "how many times as long as the last wait the next one is"),
    ("outbox.retry.jitter", "whether waits vary, so that retries do not come all at once"),
    ("outbox.retry.jitter_factor", "the part of a wait that varies, from 0 to 1"),
    ("server.concurrency", "how many handlers a server process runs at the same time"),
    ("server.reserved", "how many of these slots backfill never takes; less than `concurrency`"),
    (
        "server.lease_seconds",
        "after what time the messages of a worker that does not answer are given to another",
    ),
    ("server.drain_timeout", "how long running handlers get to finish when the server stops"),
    (
        "server.allow_vanished_groups",
        "whether the server starts though a handler is gone whose messages are not all handled",
    ),
    (
        "server.priority_lanes.enabled",
        "whether there is a backfill lane; otherwise all messages are production",
    ),
    ("server.priority_lanes.threshold", "messages with a lower priority take the backfill lane"),
    ("server.priority_lanes.backfill_suffix", "the name of the backfill lane in streams and lists"),
    ("server.priority_lanes.policy", "which lane goes first when both have work"),
    (
        "server.priority_lanes.min_share",
        "the share of the handlers' time that backfill gets while production is busy, from 0 to 0.9; with the policy `min_share`",
    ),
    (
        "server.priority_lanes.aging_ms",
        "the age from which backfill takes turns with production; with the policy `aging`",
    ),
    (
        "server.priority_lanes.backfill_latency_target_ms",
        "the age from which the backfill lane is shown as lagging",
    ),
    (
        "server.priority_lanes.production_latency_target_ms",
        "the time in which 99 of 100 production messages are to be handled; backfill slows down while they take longer",
    ),
    (
        "server.priority_lanes.backfill_entries",
        "whether a backfill entry in Redis holds the message or only its position in the log; `auto` decides by who reads the stream",
    ),
    (
        "server.priority_lanes.backfill_high_water",
        "the most backfill messages that wait in the broker; the rest wait in the database",
    ),
    (
        "server.priority_lanes.backfill_low_water",
        "below this number of backfill messages in the broker the relay publishes more",
    ),
    (
        "server.priority_lanes.producer_high_water",
        "the backlog, in messages, at which `process_all` begins to wait",
    ),
    (
        "server.version_retry.enabled",
        "whether a handler runs again at once when another writer came first",
    ),
    (
        "server.version_retry.max_retries",
        "how often it runs again before the conflict counts as a failure",
    ),
    ("server.version_retry.base_delay_seconds", "how long the second of these retries waits"),
    ("server.version_retry.max_delay_seconds", "the longest wait between two of these retries"),
    ("server.dlq.enabled", "whether the server purges old dead letters and warns about many"),
    ("server.dlq.retention_hours", "the age at which a dead letter is purged"),
    ("server.dlq.alert_threshold", "how many dead letters of one handler make the server warn"),
    ("server.dlq.check_interval_seconds", "how often it looks"),
    (
        "server.health.enabled",
        "whether the server has health pages: `/healthz`, `/livez`, `/readyz`, `/metrics`",
    ),
    ("server.health.host", "the address that they listen on"),
    ("server.health.port", "the port that they listen on; 0 takes any free one"),
    (
        "server.health.port_auto_increment",
        "whether the next free port is taken when this one is in use",
    ),
    (
        "server.observatory.enabled",
        "whether a server shows the observatory, its pages for people, beside its health pages",
    ),
    (
        "server.observatory.hosts",
        "the names under which browsers reach the observatory, besides addresses and `localhost`",
    ),
    ("server.observatory.tokens.NAME.secret", "the text with which operator NAME logs in"),
    ("server.default_subscription_profile", "the profile of handlers that name none"),
    ("server.profiles.NAME.inherits", "the built-in profile that this one begins with"),
    ("server.subscriptions.NAME.profile", "the profile of this handler"),
    ("default_subscription_type", "where handlers read: the streams of the broker, or the log"),
    ("subscription_type", "where the handler reads: the streams of the broker, or the log"),
    ("messages_per_tick", "the most messages that one read takes"),
    ("blocking_timeout_ms", "how long a read of a broker's stream waits for a first message"),
    ("max_retries", "how often a message that fails is tried again before it is a dead letter"),
    (
        "retry_delay_seconds",
        "how long the first retry waits; each later one waits twice as long, up to a minute",
    ),
    ("enable_dlq", "whether a message that is given up is kept as a dead letter"),
    ("circuit_breaker_threshold", "how many failures in a row open the circuit breaker"),
    (
        "circuit_breaker_reset_seconds",
        "how long an open circuit breaker waits before it lets one message through",
    ),
    (
        "ordering",
        "`stream`: the messages of one aggregate come in order; `none`: first in, first out in each lane",
    ),
    (
        "on_dead_letter",
        "`hold`: later messages of the aggregate wait for a dead letter; `skip`: they pass it",
    ),
    ("start_from", "where a new handler begins: `beginning` of the log, or its `head`"),
    ("handler_timeout_seconds", "how long handling one message may take"),
];
