-- After own.lua. Sets the idle time to a year, so that any take-over finds the entries.
own[#own + 1] = 'IDLE'
own[#own + 1] = 31536000000
own[#own + 1] = 'JUSTID'
return redis.call('XCLAIM', stream, group, consumer, 0, unpack(own))
