-- KEYS: a stream. ARGV: a group, a consumer, ids.
-- Keeps the ids that the consumer still owns; the scripts after it go on with them.
local stream, group, consumer = KEYS[1], ARGV[1], ARGV[2]
local own = {}
for i = 3, #ARGV do
  local found = redis.call('XPENDING', stream, group, ARGV[i], ARGV[i], 1, consumer)
  if #found > 0 then own[#own + 1] = ARGV[i] end
end
if #own == 0 then return own end
