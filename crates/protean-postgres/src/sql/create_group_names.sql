CREATE TABLE group_names (
    name       text COLLATE "C" PRIMARY KEY,
    id         text COLLATE "C",
    renamed_to text COLLATE "C"
)
