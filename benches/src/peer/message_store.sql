-- The server side that the client of Message DB needs: table, keys, order within a category
-- and errors of Message DB 1.3, in as few steps as possible, so that Protean for Python never
-- waits longer here than there.
CREATE SCHEMA message_store;

CREATE TABLE message_store.messages (
    global_position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    position bigint NOT NULL,
    time timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'utc'),
    stream_name text NOT NULL,
    type text NOT NULL,
    data jsonb,
    metadata jsonb,
    id uuid NOT NULL UNIQUE,
    UNIQUE (stream_name, position)
);

CREATE INDEX of_category
    ON message_store.messages (split_part(stream_name, '-', 1), global_position);

CREATE VIEW message_store.entries AS
SELECT id::varchar, stream_name::varchar, type::varchar, position, global_position,
       data::varchar, metadata::varchar, time
FROM message_store.messages;

-- Writers to a category wait for each other, so that positions become visible in order.
CREATE FUNCTION message_store.write_message(
    of_id text, of_stream text, of_type text, of_data jsonb, of_metadata jsonb, expected bigint
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    last bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(split_part(of_stream, '-', 1), 0));
    SELECT coalesce(max(position), -1) INTO last
    FROM message_store.messages WHERE stream_name = of_stream;
    IF expected <> last THEN
        RAISE 'Wrong expected version: % (Stream: %, Stream Version: %)',
            expected, of_stream, last;
    END IF;
    INSERT INTO message_store.messages (id, stream_name, position, type, data, metadata)
    VALUES (of_id::uuid, of_stream, last + 1, of_type, of_data, of_metadata);
    RETURN last + 1;
END $$;

CREATE FUNCTION message_store.get_stream_messages(of_stream text, first bigint, at_most bigint)
RETURNS SETOF message_store.entries LANGUAGE sql STABLE AS $$
    SELECT * FROM message_store.entries
    WHERE stream_name = of_stream AND position >= first
    ORDER BY position LIMIT at_most
$$;

-- A table that grows faster than its statistics is read along the index all the same.
CREATE FUNCTION message_store.get_category_messages(category text, first bigint, at_most bigint)
RETURNS SETOF message_store.entries LANGUAGE sql STABLE
SET enable_sort = off SET enable_bitmapscan = off AS $$
    SELECT * FROM message_store.entries
    WHERE split_part(stream_name, '-', 1) = category AND global_position >= first
    ORDER BY global_position LIMIT at_most
$$;

CREATE FUNCTION message_store.get_last_stream_message(of_stream text)
RETURNS SETOF message_store.entries LANGUAGE sql STABLE AS $$
    SELECT * FROM message_store.entries
    WHERE stream_name = of_stream
    ORDER BY position DESC LIMIT 1
$$;
