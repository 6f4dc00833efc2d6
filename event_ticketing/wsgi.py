"""The WSGI application: HTTP alone, for servers of threads; sockets and the clock are the ASGI processes' part."""

import gc
import os

from django.core.wsgi import get_wsgi_application

from .starting import or_in_a_sentence

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "event_ticketing.settings")
with or_in_a_sentence():
    application = get_wsgi_application()  # loads the apps: what follows imports models

from core import checks
from core.http import busy_page

with or_in_a_sentence():
    checks.insist()
busy_page()
# What was loaded stays, and is not looked through again; a request leaves little behind that needs a collection.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
