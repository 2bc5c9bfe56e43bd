"""Start the embedded servers again when their keeper was killed. Runs beside the site.

Run as `python -m apps.operations.embedded.guard NAME FOLDER`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from apps.operations.embedded.environment import ensure_environment

LOOK_INTERVAL_SECONDS = 1.0


def main(name: str, root: str) -> None:
    """Look after the environment until we are ended."""
    environment = ensure_environment(name=name, data_dir=Path(root))
    while True:
        environment.revive()
        time.sleep(LOOK_INTERVAL_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
