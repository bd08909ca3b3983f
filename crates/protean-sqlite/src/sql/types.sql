SELECT category, type, kind, time FROM messages
