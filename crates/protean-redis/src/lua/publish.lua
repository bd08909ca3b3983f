-- ARGV: the key of a mark or '', its value, then a stream and data for each entry.
-- Answers what the mark was before and, for each entry, its id or why it was not taken.
local before, answers, failed, all = false, {}, {}, true
for i = 3, #ARGV, 2 do
  local stream = ARGV[i]
  local answer = failed[stream] or redis.pcall('XADD', stream, '*', 'data', ARGV[i + 1])
  if type(answer) == 'table' then
    if string.find(answer.err, 'READONLY', 1, true) then return answer end
    failed[stream], all = answer, false
    answer = { answer.err }
  end
  answers[#answers + 1] = answer
end
if ARGV[1] ~= '' then
  before = redis.call('GET', ARGV[1])
  if all then redis.call('SET', ARGV[1], ARGV[2]) end
end
return { before, answers }
