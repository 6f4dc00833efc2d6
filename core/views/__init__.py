"""Pages and actions, by audience."""
