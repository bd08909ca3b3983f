-- After own.lua. Returns the ids that the consumer still owns.
own[#own + 1] = 'JUSTID'
return redis.call('XCLAIM', stream, group, consumer, 0, unpack(own))
