#!/usr/bin/env python
"""Django's command line for the box office."""

import os
import sys


def main() -> None:
    """Run the command named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "event_ticketing.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415 -- settings first

    from event_ticketing.starting import or_in_a_sentence  # noqa: PLC0415 -- settings first

    with or_in_a_sentence():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
