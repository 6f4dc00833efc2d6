"""Django's way to a mail server, with patience where the server is at work: it may look at a message for a while.

Whoever hangs up before that answer does not know whether the mail is on its way, and would send it once more.
"""

import smtplib
from typing import Any

from django.core.mail.backends import smtp

ANSWER_IN = 90.0  # seconds after a whole message: RFC 5321 (4.5.3.2.6) gives 10 minutes, `mailing.LEASE` is less


class _Patient(smtplib.SMTP):
    def data(self, msg: Any) -> tuple[int, bytes]:
        """Send a message, and wait for what the server makes of it; all else is bounded by EMAIL_TIMEOUT."""
        if self.sock is not None:
            self.sock.settimeout(ANSWER_IN)
        code, said = super().data(msg)
        if self.sock is not None:
            self.sock.settimeout(self.timeout)
        return code, said


class _PatientByTLS(_Patient, smtplib.SMTP_SSL):
    """The same, encrypted from the first byte on."""


class EmailBackend(smtp.EmailBackend):
    """The backend that EMAIL_URL stands for."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        """The client."""
        return _PatientByTLS if self.use_ssl else _Patient
