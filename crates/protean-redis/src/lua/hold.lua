-- KEYS: a stream. ARGV: a group, a consumer, ids. Answers the ids that it still has.
local stream, group, consumer = KEYS[1], ARGV[1], ARGV[2]
local own = {}
for i = 3, #ARGV do
  local found = redis.call('XPENDING', stream, group, ARGV[i], ARGV[i], 1, consumer)
  if #found > 0 then own[#own + 1] = ARGV[i] end
end
if #own == 0 then return own end
own[#own + 1] = 'JUSTID'
return redis.call('XCLAIM', stream, group, consumer, 0, unpack(own))
