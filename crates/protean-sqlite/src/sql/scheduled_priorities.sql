SELECT priority FROM level WHERE priority IS NOT NULL
