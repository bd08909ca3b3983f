//! What `events explain` says of a message on each step of its way.
