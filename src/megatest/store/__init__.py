"""To be described by whoever furnishes the room."""
