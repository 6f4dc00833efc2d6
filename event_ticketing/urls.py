"""The site's addresses: the box office, the accounts of allauth, and Django's admin."""

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path
from django.utils.translation import gettext_lazy as _
from django.views.static import serve

from core import google
from core.http import reads
from core.views import errors

admin.site.site_header = admin.site.site_title = _("Box office administration")
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # -- one way to log in, allauth's

urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/google/login/", google.login, name="google_login"),
    path("accounts/google/login/callback/", google.callback, name="google_callback"),
    re_path("^accounts/google/", errors.not_found),  # what else allauth has there is a way in that no page uses
    path("accounts/", include("allauth.urls")),
    path("", include("core.urls")),
    # Checked images only; no proxy is needed for the few there are.
    path("media/events/<path:path>", reads(serve), {"document_root": settings.MEDIA_ROOT / "events"}),
]
handler400 = "core.views.errors.bad_request"
handler403 = "core.views.errors.forbidden"
handler404 = "core.views.errors.not_found"
handler429 = "core.views.errors.too_many_requests"  # allauth's
handler500 = "core.views.errors.server_error"
