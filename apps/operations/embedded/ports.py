"""A free port for the web server, held against other sites of this machine."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from apps.operations.embedded.errors import EmbeddedUnavailable
from apps.operations.embedded.privileges import IS_LINUX

HOST = "127.0.0.1"
TRIED_PORTS_COUNT = 100


@dataclass
class PortHold:
    """A port that no other FinFlow site takes while this is open."""

    number: int
    _claim: socket.socket | None

    def close(self) -> None:
        """Let others take the port."""
        if self._claim is not None:
            self._claim.close()
            self._claim = None


def hold_port(first: int) -> PortHold:
    """The first free port from `first` on.

    The web server listens with SO_REUSEPORT, so that two of them could share a port without
    noticing. Two steps keep them apart: a claim by name, which the kernel drops with its
    holder (an abstract socket; Linux only), and a look whether anything listens there.

    Raises:
        EmbeddedUnavailable: a hundred ports are taken.
    """
    for number in range(first, first + TRIED_PORTS_COUNT):
        try:
            claim = _claim(number)
        except OSError:
            continue
        if _is_free(number):
            return PortHold(number, claim)
        if claim is not None:
            claim.close()
    raise EmbeddedUnavailable(f"no free port from {first} to {first + TRIED_PORTS_COUNT - 1}")


def _claim(number: int) -> socket.socket | None:
    if not IS_LINUX:
        return None
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0finflow {HOST}:{number}")
    except OSError:
        claim.close()
        raise
    return claim


def _is_free(number: int) -> bool:
    """Whether nothing listens on the port; old connections that linger do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, number))
        except (OSError, OverflowError):
            return False
    return True
