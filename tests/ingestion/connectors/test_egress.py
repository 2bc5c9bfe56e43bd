"""Where connectors may go."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ingestion.connectors import EgressRules
from apps.ingestion.connectors.egress import is_public, resolved
from apps.ingestion.connectors.errors import EgressRefused, Unreachable


def rules(*entries: str, **addresses: list[str]) -> EgressRules:
    """Rules whose names resolve as given: `rules("api.example.com", api=["8.8.8.8"])`."""

    def resolve(host: str) -> list[str]:
        found = addresses.get(host.partition(".")[0])
        if found is None:
            raise OSError("no such host")
        return found

    return EgressRules(entries, resolve=resolve)


LISTED = ("api.example.com", ".bank.example", "10.1.0.0/16", "fd00::/8", "/run/postgresql")


@pytest.mark.parametrize(
    ("host", "is_listed"),
    [
        ("api.example.com", True),
        ("API.Example.COM.", True),
        ("x.api.example.com", False),
        ("example.com", False),
        ("api.example.com.evil.example", False),
        ("a.b.bank.example", True),
        ("bank.example", False),
        ("evilbank.example", False),
        ("10.1.2.3", True),
        ("10.2.2.3", False),
        ("127.0.0.1", False),
        ("[fd00::1]", True),
        ("fe80::1", False),
        ("/run/postgresql", True),
        ("/run/other", False),
        ("", False),
    ],
)
def test_hosts_are_listed_by_name_or_network(host: str, is_listed: bool) -> None:
    assert rules(*LISTED).lists(host) is is_listed
    assert not EgressRules().lists(host)


def test_a_public_address_of_a_listed_name_is_taken() -> None:
    assert rules("api.example.com", api=["93.184.216.34"]).address_of("api.example.com") == (
        "93.184.216.34"
    )


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["10.0.0.1"],
        ["192.168.1.1"],
        ["100.64.0.1"],
        ["0.0.0.0"],
        ["224.0.0.1"],
        ["255.255.255.255"],
        ["::1"],
        ["fe80::1%eth0"],
        ["fc00::1"],
        ["::ffff:127.0.0.1"],
        ["::ffff:169.254.169.254"],
        ["64:ff9b::a9fe:a9fe"],
        ["2002:7f00:1::"],
        ["93.184.216.34", "127.0.0.1"],
        ["nonsense"],
    ],
)
def test_addresses_inside_are_not(addresses: list[str]) -> None:
    with pytest.raises(EgressRefused):
        rules("api.example.com", api=addresses).address_of("api.example.com")


def test_a_listed_network_opens_its_addresses() -> None:
    assert rules("db.example.com", "10.1.0.0/16", db=["10.1.2.3"]).address_of("db.example.com") == (
        "10.1.2.3"
    )
    with pytest.raises(EgressRefused):
        rules("db.example.com", "10.1.0.0/16", db=["10.2.2.3"]).address_of("db.example.com")


@pytest.mark.parametrize("addresses", [None, []])
def test_a_name_without_address_may_have_one_later(addresses: Any) -> None:
    found = {} if addresses is None else {"api": addresses}
    with pytest.raises(Unreachable) as caught:
        rules("api.example.com", **found).address_of("api.example.com")
    assert caught.value.is_passing


def test_an_unlisted_host_is_not_even_looked_up() -> None:
    with pytest.raises(EgressRefused):
        rules().address_of("api.example.com")


def test_names_are_looked_up() -> None:
    assert set(resolved("localhost")) <= {"127.0.0.1", "::1"}


@given(st.ip_addresses(v=4))
def test_however_an_address_is_written_it_is_judged_alike(address: Any) -> None:
    number = int(address)
    mapped = ip_address((0xFFFF << 32) | number)
    translated = ip_address((0x0064FF9B << 96) | number)
    assert is_public(mapped) == is_public(translated) == is_public(address)
