CREATE INDEX "protean.scheduled_by_due" ON "protean.scheduled" (priority, due, key)
