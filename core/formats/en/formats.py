"""English: patterns are what they are called, and numbers stay ungrouped."""

NUMBER_GROUPING = 0
