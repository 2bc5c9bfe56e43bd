"""A process that uses an embedded environment until its standard input closes.

Run as `client.py FOLDER NAME`: prints one JSON line with what it sees, answers `revive` with
`done`, and leaves at the end of input.
"""

import json
import os
import sys
from pathlib import Path

from apps.operations.embedded import EmbeddedUnavailable, ensure_environment


def answer(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(folder: str, name: str) -> None:
    try:
        environment = ensure_environment(name=name, data_dir=Path(folder))
    except EmbeddedUnavailable as fact:
        answer(json.dumps({"refused": str(fact)}))
        return
    seen = {key: os.environ.get(key) for key in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")}
    answer(json.dumps({**seen, "set": sorted(environment.variables)}))
    for line in sys.stdin:
        if line.strip() == "revive":
            environment.revive()
            answer("done")


main(*sys.argv[1:])
