"""A site takes the next free port and shares it with nobody."""

from __future__ import annotations

import socket
import sys

import pytest

from apps.operations.embedded import EmbeddedUnavailable, ports
from apps.operations.embedded.ports import HOST, hold_port
from tests.embedded.stage import free_ports

pytestmark = pytest.mark.embedded

FIRST = free_ports(4)


def listen(number: int, *options: int) -> socket.socket:
    server = socket.socket()
    for option in options:
        server.setsockopt(socket.SOL_SOCKET, option, 1)
    server.bind((HOST, number))
    server.listen()
    return server


def test_a_free_port_is_taken_as_wanted() -> None:
    hold = hold_port(FIRST)
    assert hold.number == FIRST
    hold.close()


def test_a_port_that_somebody_listens_on_is_passed_over() -> None:
    with listen(FIRST, socket.SO_REUSEADDR):
        hold = hold_port(FIRST)
        assert hold.number == FIRST + 1
        hold.close()


def test_a_port_that_its_server_would_share_is_passed_over() -> None:
    with listen(FIRST, socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        hold = hold_port(FIRST)
        assert hold.number == FIRST + 1
        hold.close()


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets")
def test_two_sites_that_start_at_once_get_two_ports() -> None:
    """Neither listens yet."""
    first, second = hold_port(FIRST), hold_port(FIRST)
    assert (first.number, second.number) == (FIRST, FIRST + 1)
    first.close()
    third = hold_port(FIRST)
    assert third.number == FIRST
    second.close()
    third.close()


def test_a_connection_that_lingers_does_not_count() -> None:
    server = listen(FIRST, socket.SO_REUSEADDR)
    client = socket.create_connection((HOST, FIRST))
    accepted, _ = server.accept()
    accepted.close()  # the side that closes first lingers
    client.close()
    server.close()

    hold = hold_port(FIRST)
    assert hold.number == FIRST
    hold.close()


def test_when_all_are_taken_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "TRIED_PORTS_COUNT", 1)
    with (
        listen(FIRST, socket.SO_REUSEADDR),
        pytest.raises(EmbeddedUnavailable, match=f"no free port from {FIRST}"),
    ):
        hold_port(FIRST)
