SELECT name, id, renamed_to FROM group_names
