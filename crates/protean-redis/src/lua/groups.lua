-- Compares ids as text, since a Lua number cannot hold 64 bits.
local function is_after(left, right)
  local left_time, left_count = string.match(left, '^(%d+)-(%d+)$')
  local right_time, right_count = string.match(right, '^(%d+)-(%d+)$')
  if left_time == right_time then left_time, right_time = left_count, right_count end
  if #left_time ~= #right_time then return #left_time > #right_time end
  return left_time > right_time
end

-- Turns Redis's list of alternating names and values into a table.
local function by_name(list)
  local values = {}
  for i = 1, #list, 2 do values[list[i]] = list[i + 1] end
  return values
end

-- The groups of a stream, each with its name, pending, last-delivered-id, …
local function groups_of(stream)
  local groups, found = {}, redis.pcall('XINFO', 'GROUPS', stream)
  if found.err then
    if redis.call('EXISTS', stream) == 0 then return groups end
    found = redis.call('XINFO', 'GROUPS', stream)
  end
  for at, list in ipairs(found) do groups[at] = by_name(list) end
  return groups
end

-- True when a group has handled an entry.
local function has_handled(stream, group, id)
  if is_after(id, group['last-delivered-id']) then return false end
  return group.pending == 0 or #redis.call('XPENDING', stream, group.name, id, id, 1) == 0
end

-- Removes the entries that every group has handled. The ids ascend, so a group that was
-- given the last of them was given all.
local function remove_handled(stream, groups, ids)
  for _, group in ipairs(groups) do
    if group.pending > 0 or is_after(ids[#ids], group['last-delivered-id']) then
      local handled = {}
      for _, id in ipairs(ids) do
        if has_handled(stream, group, id) then handled[#handled + 1] = id end
      end
      ids = handled
      if #ids == 0 then return end
    end
  end
  redis.call('XDEL', stream, unpack(ids))
end

-- Removes the beginning of a stream up to which every group has handled it: programs that
-- only acknowledge leave handled entries behind.
local function remove_passed(stream, groups)
  local first
  for _, group in ipairs(groups) do
    local at = group['last-delivered-id']
    if group.pending > 0 then at = redis.call('XPENDING', stream, group.name)[2] or at end
    if not first or is_after(first, at) then first = at end
  end
  if not first then return end
  redis.call('XTRIM', stream, 'MINID', first)
  remove_handled(stream, groups, { first })
end
