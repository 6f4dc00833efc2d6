"""The WSGI application: HTTP alone, for servers of threads; sockets and the clock are the ASGI processes' part."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "event_ticketing.settings")
application = get_wsgi_application()
