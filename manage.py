#!/usr/bin/env python
"""Django's command line; `bin/finflow` calls it inside the embedded environment."""

import os
import sys

from django.core.management import execute_from_command_line

from apps.operations.embedded import EmbeddedUnavailable


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.embedded")
    try:
        execute_from_command_line(sys.argv)
    except EmbeddedUnavailable as fact:
        sys.exit(f"finflow: {fact}")


if __name__ == "__main__":
    main()
