-- KEYS: a stream. ARGV: a group. Returns length, pending, lag (-1 when unknown), consumers,
-- the age of the oldest unhandled entry in milliseconds (-1 when there is none), and how many
-- groups the stream has.
local stream = KEYS[1]

-- Redis 7.0 reports no lag while an entry remains that is older than a removed one. Its
-- counts still give the lag, unless an entry was removed that the group has not been given.
local function lag_of(group)
  if group.lag or not group['entries-read'] then return group.lag or -1 end
  local whole = by_name(redis.call('XINFO', 'STREAM', stream))
  if is_after(whole['max-deleted-entry-id'], group['last-delivered-id']) then return -1 end
  return whole['entries-added'] - group['entries-read']
end

local groups = groups_of(stream)
for _, group in ipairs(groups) do
  if group.name == ARGV[1] then
    local oldest = redis.call('XPENDING', stream, group.name)[2]
    if not oldest then
      local unread = redis.call('XRANGE', stream, '(' .. group['last-delivered-id'], '+', 'COUNT', 1)
      oldest = unread[1] and unread[1][1]
    end
    local age = -1
    if oldest then
      local time = redis.call('TIME')
      age = math.max(0, time[1] * 1000 + math.floor(time[2] / 1000) - string.match(oldest, '^%d+'))
    end
    return { redis.call('XLEN', stream), group.pending, lag_of(group), group.consumers, age, #groups }
  end
end
return false
