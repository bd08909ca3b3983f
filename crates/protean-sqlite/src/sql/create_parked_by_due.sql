CREATE INDEX parked_by_due ON parked (grp, category, priority, due) WHERE due IS NOT NULL
