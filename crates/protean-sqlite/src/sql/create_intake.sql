CREATE TABLE protean_intake (
    place    INTEGER PRIMARY KEY AUTOINCREMENT CHECK (place > 0),
    id       TEXT NOT NULL DEFAULT (
                 lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4'
                     || substr(hex(randomblob(2)), 2) || '-a' || substr(hex(randomblob(2)), 2)
                     || '-' || hex(randomblob(6)))),
    type     TEXT NOT NULL,
    data     TEXT NOT NULL CHECK (typeof(data) = 'text'),
    priority INTEGER NOT NULL DEFAULT 0 CHECK (typeof(priority) = 'integer'),
    "key"    TEXT,
    metadata TEXT,
    -- `Shop` of `Shop.PlaceOrder` and `Shop.PlaceOrder.v1`; empty for `PlaceOrder` and `PlaceOrder.v1`.
    domain   TEXT NOT NULL GENERATED ALWAYS AS (
                 CASE WHEN substr(type, instr(type, '.')) GLOB '.v[0-9]*'
                           AND substr(type, instr(type, '.') + 2) NOT GLOB '*[^0-9]*' THEN ''
                      ELSE substr(type, 1, max(instr(type, '.') - 1, 0)) END) VIRTUAL
)
