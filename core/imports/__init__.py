"""Events from a file: what is in it (`files.py`), whether it can be (`rows.py`), and their creation (`create.py`)."""
