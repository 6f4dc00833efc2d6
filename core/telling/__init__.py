"""Telling people by mail what became of their places, their tickets and their events; `mailing.py` delivers it."""
