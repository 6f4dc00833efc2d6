"""Figures of sales for those who run them: read from rows (`rows.py`), kept by the hour (`keeping.py`), and drawn.

Nothing here is part of a booking: what is finished is counted by the cleanup, what is not, when somebody looks.
"""
