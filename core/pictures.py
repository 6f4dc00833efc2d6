"""Pictures of events: what is uploaded is read, and stored anew, so that nothing else is in the file."""

import io
import struct
import uuid
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.utils.translation import gettext_lazy as _

READ = ("PNG", "JPEG", "WEBP", "GIF")  # Pillow knows dozens more, one of which starts Ghostscript
MOST_PIXELS = 40_000_000  # 160 MB while it is read
LARGEST = (2400, 2400)  # pixels as stored: enough for paper
UNREADABLE = _("This is no picture that we can read: use a PNG, JPEG, WebP or GIF file.")
STANDS_FOR_TOO_LARGE = "application/x-too-large"  # what `uploads.js` sends in the place of such a file
TOO_LARGE = _("This picture is too large: use one of at most 40 million pixels and 6 MB.")


class TooLarge(OSError):
    """An image that would take too much memory."""


def opened(file: Any) -> Any:
    """Return an image of which nothing but its size was read yet. Raises OSError where it cannot be, or must not."""
    from PIL import Image  # noqa: PLC0415 -- as in documents.py

    try:
        image = Image.open(file, formats=READ)
    except Image.DecompressionBombError as error:
        raise TooLarge from error
    if image.width * image.height > MOST_PIXELS:
        raise TooLarge
    return image


def cleaned(upload: Any) -> SimpleUploadedFile:
    """Return an uploaded picture anew: turned as its camera was held, without what else was in it, and with our name.

    A place where it was taken, a script behind the last pixel, `.php` in its name: none of them is stored. Raises
    ValidationError.
    """
    from PIL import ImageOps  # noqa: PLC0415 -- as in documents.py

    try:
        upload.seek(0)
        with opened(upload) as image:
            picture = ImageOps.exif_transpose(image)
            picture.thumbnail(LARGEST)
            return _stored(picture)
    except TooLarge as error:
        raise ValidationError(TOO_LARGE) from error
    # The last three are of a broken EXIF, or of a profile of colors that breaks off.
    except (OSError, ValueError, SyntaxError, TypeError, LookupError, struct.error) as error:
        raise ValidationError(UNREADABLE) from error


def _stored(picture: Any) -> SimpleUploadedFile:
    kind, ending = ("PNG", "png") if picture.has_transparency_data else ("JPEG", "jpg")
    content = io.BytesIO()
    plain = picture.convert("RGBA" if kind == "PNG" else "RGB")
    plain.info.clear()
    plain.save(content, kind, **({} if kind == "PNG" else {"quality": 90}))
    return SimpleUploadedFile(f"{uuid.uuid4().hex}.{ending}", content.getvalue(), f"image/{kind.lower()}")


class Oversized(SimpleUploadedFile):
    """What stands in the place of an upload that was too large to be kept."""


class KeepingUploads(MemoryFileUploadHandler):
    """Uploads in memory; of one that is larger than that nothing is kept, so that the rest of its form can be."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Take a piece, or let it go."""
        return super().receive_data_chunk(raw_data, start) if self.activated else None

    def file_complete(self, file_size: int) -> Any:
        """Return the file, or what says that it was too large: here, or as the browser has found."""
        if self.file_name and (not self.activated or self.content_type == STANDS_FOR_TOO_LARGE):
            return Oversized(self.file_name, b"")
        return super().file_complete(file_size)


class PictureInput(forms.ClearableFileInput):
    """The picture that is stored, a box to remove it, and a field for another one."""

    template_name = "core/parts/picture_input.html"


class PictureField(forms.ImageField):
    """A picture; of one that is too large to be read at all, the rest of its form is kept."""

    default_error_messages = {
        "invalid_image": UNREADABLE,
        "contradiction": _("Choose another picture, or remove the one there is: not both."),
    }

    def to_python(self, data: Any) -> Any:
        """Return the upload. Raises ValidationError."""
        if isinstance(data, Oversized):
            raise ValidationError(TOO_LARGE)
        return super().to_python(data)
