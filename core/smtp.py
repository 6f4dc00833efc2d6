"""Django's way to a mail server, with patience where the server is at work: it may look at a message for a while.

Whoever hangs up before that answer does not know whether the mail is on its way, and would send it once more.
"""

import smtplib
from typing import Any

from django.core.mail.backends import smtp

ANSWER_IN = (
    30.0  # seconds after a whole message. RFC 5321 (4.5.3.2.6) gives 10 minutes; a process that ends waits for it
)
AFTER_MESSAGE = 2  # the answer that is waited for: the first is to the word DATA


class _Patient(smtplib.SMTP):
    _answers = 0  # of one DATA

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Send a message, and wait for what the server makes of it; all else is bounded by EMAIL_TIMEOUT."""
        self._answers = 0
        try:
            return super().data(msg)
        finally:
            if self.sock is not None:
                self.sock.settimeout(self.timeout)

    def getreply(self) -> tuple[int, bytes]:
        """Wait for an answer."""
        self._answers += 1
        if self._answers == AFTER_MESSAGE and self.sock is not None:
            self.sock.settimeout(ANSWER_IN)
        return super().getreply()


class _PatientByTLS(_Patient, smtplib.SMTP_SSL):
    """The same, encrypted from the first byte on."""


class EmailBackend(smtp.EmailBackend):
    """The backend that EMAIL_URL stands for."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        """The client."""
        return _PatientByTLS if self.use_ssl else _Patient
