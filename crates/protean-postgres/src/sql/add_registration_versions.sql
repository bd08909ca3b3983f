ALTER TABLE enrolments ADD COLUMN versions text NOT NULL DEFAULT '[]'
