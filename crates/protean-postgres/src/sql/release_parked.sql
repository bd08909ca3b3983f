UPDATE parked SET due = $3 WHERE grp = $1 AND stream = $2 AND due IS NULL
