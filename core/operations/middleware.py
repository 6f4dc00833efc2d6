"""Around every request: its number, and how long it took."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from . import measures, request_id

GetResponse = Callable[[HttpRequest], HttpResponse]


class WatchedMiddleware:
    """The outermost: whatever is answered has a number and is measured, errors and static files as well."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        number = request_id.begin(request.headers.get(request_id.HEADER, ""))
        try:
            with measures.of_request() as labels:
                response = self.get_response(request)
                labels["route"] = request.resolver_match.view_name if request.resolver_match else "none"
                labels["status"] = f"{response.status_code // 100}xx"
        finally:
            request_id.end()
        response[request_id.HEADER] = number
        return response
