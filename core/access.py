"""Who may manage what."""

from typing import Any

from .models import Event


def may_manage(user: Any, event: Event) -> bool:
    """Return whether the person organizes this event or administers the site; nobody who is not logged in does."""
    return bool(user.is_superuser or event.created_by_id == user.pk)
