"""The faults that a box office meets: each is provoked for real, beside a crowd, and its history is checked."""
