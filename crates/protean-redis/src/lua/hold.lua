-- After own.lua. Answers what it still has.
own[#own + 1] = 'JUSTID'
return redis.call('XCLAIM', stream, group, consumer, 0, unpack(own))
