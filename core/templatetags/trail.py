"""What entries of the audit trail say, for templates."""

from django import template

from .. import changes
from ..models import AuditEntry

register = template.Library()


@register.filter
def changes_of(entry: AuditEntry) -> list[changes.Told]:
    """Return what an entry says was changed, in words; nothing for one that says it in its remark."""
    return changes.tell(entry.changes or [])
