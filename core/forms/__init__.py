"""Forms: what may be typed, and what is said when it is not right."""
