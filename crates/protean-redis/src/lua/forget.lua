-- KEYS: a stream. ARGV: a group, the first id, how many entries to visit.
-- Returns where the next call begins, or false when the end of the stream is reached.
local stream = KEYS[1]
if redis.call('EXISTS', stream) == 0 then return false end
redis.call('XGROUP', 'DESTROY', stream, ARGV[1])
local groups = groups_of(stream)
if #groups == 0 then
  redis.call('UNLINK', stream)
  return false
end
local ids = {}
for at, entry in ipairs(redis.call('XRANGE', stream, ARGV[2], '+', 'COUNT', ARGV[3])) do
  ids[at] = entry[1]
end
if #ids == 0 then return false end
remove_handled(stream, groups, ids)
if #ids < tonumber(ARGV[3]) then return false end
return '(' .. ids[#ids]
