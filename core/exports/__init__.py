"""Lists to take along: what is in them (`lists.py`), and how it becomes a file, row by row (`files.py`)."""
