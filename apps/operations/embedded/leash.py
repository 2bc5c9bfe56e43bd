"""Run a program so that nothing of it outlives its main process, nor us, nor our parent.

A program with worker processes of its own leaves them behind when its main process is killed; the
web server's would even keep the port and answer beside their successor. The leash makes itself
the parent of such orphans (Linux) and ends them before it ends itself.

Run as `python -m apps.operations.embedded.leash PROGRAM ARGUMENT...`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import FrameType

import psutil

from apps.operations.embedded.privileges import adopt_orphans, bind_to, bound_to_parent

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
KILLED_BY_SIGNAL = 128


def main(command: list[str]) -> int:
    """Run the command to its end, end what it left, and return its exit status."""
    bind_to(os.getppid(), signal.SIGTERM)
    adopt_orphans()
    child = subprocess.Popen(  # noqa: S603
        command,
        preexec_fn=bound_to_parent(signal.SIGTERM),  # noqa: PLW1509
    )

    def forward(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    for forwarded in FORWARDED:
        signal.signal(forwarded, forward)
    status = child.wait()
    end_descendants()
    return status if status >= 0 else KILLED_BY_SIGNAL - status


def end_descendants() -> None:
    """Kill every process below us, until there is none."""
    while descendants := psutil.Process().children(recursive=True):
        for descendant in descendants:
            try:
                descendant.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(descendants, timeout=5)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
