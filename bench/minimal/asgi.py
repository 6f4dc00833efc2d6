"""The minimal view under ASGI: without sockets and clock."""

from django.core.asgi import get_asgi_application

application = get_asgi_application()
