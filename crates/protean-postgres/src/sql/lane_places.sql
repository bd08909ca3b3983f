SELECT m.position, m.priority, m.id
