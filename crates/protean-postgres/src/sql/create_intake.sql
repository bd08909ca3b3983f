CREATE TABLE protean_intake (
    place       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY CHECK (place > 0),
    id          text COLLATE "C" NOT NULL DEFAULT gen_random_uuid()::text,
    type        text COLLATE "C" NOT NULL,
    data        text COLLATE "C" NOT NULL,
    priority    bigint NOT NULL DEFAULT 0,
    key         text COLLATE "C",
    metadata    text COLLATE "C",
    -- `Shop` of `Shop.PlaceOrder` and `Shop.PlaceOrder.v1`; empty for `PlaceOrder` and `PlaceOrder.v1`.
    domain      text COLLATE "C" NOT NULL
                    GENERATED ALWAYS AS (coalesce(substring(type, '^([^.]*)[.](?!v[0-9]+$)'), '')) STORED,
    -- Rows of one transaction keep their order, whatever their priorities.
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id()
)
