SELECT max(position) FROM messages
