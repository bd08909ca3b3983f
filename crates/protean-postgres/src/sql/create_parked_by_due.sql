CREATE INDEX parked_by_due ON parked (grp, category, priority, due, position) WHERE due IS NOT NULL
