"""Telling browsers that it is somebody's turn, with the page closed: Web Push, where VAPID_PRIVATE_KEY is set."""
