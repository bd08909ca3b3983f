CREATE INDEX parked_by_due ON parked (grp, category, due)
