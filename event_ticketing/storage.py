"""Static files with far-future names, uploads, and messages that wait to be shown."""

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.core.exceptions import RequestDataTooBig
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadhandler import MemoryFileUploadHandler
from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticStorage(CompressedManifestStaticFilesStorage):
    """Hashed and compressed files; names inside JavaScript modules are rewritten as well."""

    support_js_module_import_aggregation = True


class MediaStorage(FileSystemStorage):
    """Uploads. Of one for which there is no room nothing stays: pieces would fill the disk for good."""

    def _save(self, name: str, content: Any) -> str:
        try:
            saved: str = super()._save(name, content)  # type: ignore[misc]  # -- for storages to override
        except OSError:
            with suppress(OSError):
                self.delete(name)
            raise
        return saved


class MemoryUploads(MemoryFileUploadHandler):
    """Uploads in memory, and none that is larger than that: a temporary file may meet a full disk half-way."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin with a file. Raises RequestDataTooBig, which is answered 400."""
        if not self.activated:
            raise RequestDataTooBig("a file larger than FILE_UPLOAD_MAX_MEMORY_SIZE")
        super().new_file(*args, **kwargs)


class MessagesCookie(CookieStorage):
    """Messages in a cookie, whose name may bind it to this host: nothing is written for them, as in a session."""

    cookie_name = settings.MESSAGES_COOKIE_NAME


class Messages(FallbackStorage):
    """Django's, with that cookie; what does not fit into it is in the session."""

    storage_classes = (MessagesCookie, SessionStorage)
