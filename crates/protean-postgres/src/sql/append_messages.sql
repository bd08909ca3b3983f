INSERT INTO messages (position, stream, stream_position, category, priority, kind, type, version,
                      id, correlation_id, causation_id, time, data, extensions)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::text[],
                     $8::bigint[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::text[], $14::text[])
