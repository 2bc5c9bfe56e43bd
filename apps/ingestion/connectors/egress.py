"""Where a connector may go: hosts that the installation lists, at addresses that are checked.

Who may set up a source must not be able to reach what only this machine reaches: its own
services, its neighbours, the metadata service of a cloud. A host has to be listed by name, and
every address that its name stands for has to be a public one, or lie in a listed network. The
caller connects to the address that was checked, so that a name that answers otherwise a moment
later (DNS rebinding) changes nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apps.ingestion.connectors.errors import EgressRefused, Unreachable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def resolved(host: str) -> list[str]:
    """The addresses that the name stands for now.

    Raises:
        OSError: it stands for none.
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


@dataclass(frozen=True, slots=True)
class EgressRules:
    """What EGRESS_HOSTS lists.

    Attributes:
        entries: host names ("api.example.com"), names with all below them (".example.com"),
            addresses and networks ("10.1.2.3", "10.1.0.0/16"), or paths of unix sockets.
        resolve: how names become addresses.
    """

    entries: tuple[str, ...] = ()
    resolve: Callable[[str], Sequence[str]] = resolved

    def lists(self, host: str) -> bool:
        """Whether the host is listed, by name or by address; nothing is resolved."""
        if host.startswith("/"):
            return host in self.entries
        address = _address(host)
        if address is not None:
            return self._is_in_listed_network(address)
        name = host.casefold().rstrip(".")
        return any(
            name == entry.casefold() or (entry.startswith(".") and name.endswith(entry.casefold()))
            for entry in self.entries
        )

    def require_listed(self, host: str) -> None:
        """Refuse a host that is not listed.

        Raises:
            EgressRefused: it is not.
        """
        if not self.lists(host):
            raise EgressRefused

    def address_of(self, host: str) -> str:
        """An address of a listed host that may be connected to.

        Raises:
            EgressRefused: the host is not listed, or one of its addresses is not public and in
                no listed network.
            Unreachable: the name stands for no address.
        """
        self.require_listed(host)
        try:
            addresses = [_address(one.partition("%")[0]) for one in self.resolve(host)]
        except (OSError, UnicodeError):
            raise Unreachable("The name of the host stands for no address.") from None
        if not addresses:
            raise Unreachable("The name of the host stands for no address.")
        for address in addresses:
            if address is None or not (is_public(address) or self._is_in_listed_network(address)):
                raise EgressRefused(
                    "The host stands for an address that is not public, in a network that is"
                    " not listed."
                )
        return str(addresses[0])

    def _is_in_listed_network(self, address: Address) -> bool:
        return any(
            network.version == address.version and address in network
            for network in map(_network, self.entries)
            if network is not None
        )


def is_public(address: Address) -> bool:
    """Whether the address is one of the internet, in whatever form it is written."""
    inner = _embedded(address)
    if inner is not None:
        return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


def _embedded(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None
