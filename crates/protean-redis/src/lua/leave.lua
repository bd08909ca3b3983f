-- KEYS: a stream. ARGV: a group, a consumer that stays, an idle time in milliseconds.
-- Removes consumers that were idle for that long and own nothing, and the entries that
-- programs which only acknowledge have left behind.
-- One script, so that no consumer is given an entry between the check and the removal.
local stream, group = KEYS[1], ARGV[1]
for _, list in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
  local consumer = by_name(list)
  if consumer.name ~= ARGV[2] and consumer.pending == 0 and consumer.idle >= tonumber(ARGV[3]) then
    redis.call('XGROUP', 'DELCONSUMER', stream, group, consumer.name)
  end
end
remove_passed(stream, groups_of(stream))
return 0
