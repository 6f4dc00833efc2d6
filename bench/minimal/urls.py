"""The minimal view: one INSERT, one SELECT, a few bytes of JSON."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from .models import Row


@csrf_exempt
def write(request: HttpRequest) -> HttpResponse:
    """Store a row and read it again."""
    row = Row.objects.create(number=7)
    return JsonResponse({"status": "written", "number": Row.objects.get(pk=row.pk).number})


def nothing(request: HttpRequest) -> HttpResponse:
    """Answer without the database."""
    return HttpResponse("ok")


urlpatterns = [path("write/", write), path("healthz", nothing)]
