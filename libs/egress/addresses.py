"""Which addresses are the public internet, and by which rule the others are not.

After IANA's registries of special-purpose addresses (RFC 6890). `ipaddress.is_global` does not do: it
takes addresses that carry another one inside, such as NAT64 and 6to4, and multicast.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from libs.egress.refusal import EgressRefused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_CLOSED: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), rule)
    for rule, networks in {
        "unspecified": ("0.0.0.0/8", "::/128"),
        "loopback": ("127.0.0.0/8", "::1/128"),
        # 168.63.129.16 is the host of an Azure machine, though the address is a public one.
        "link_local": ("169.254.0.0/16", "fe80::/10", "168.63.129.16/32"),
        "private_network": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
        "shared_network": ("100.64.0.0/10",),
        "multicast": ("224.0.0.0/4", "ff00::/8"),
        # Mapped, compatible, NAT64, 6to4 and Teredo: the way of the call is decided by what is inside.
        "embedded_ipv4": (
            "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32",
        ),
        "reserved": (
            "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "240.0.0.0/4", "2001::/23", "2001:db8::/32", "3fff::/20",
        ),
    }.items()
    for network in networks
)  # fmt: skip
_GLOBAL_UNICAST = ip_network("2000::/3")

_MEANS = {
    "unspecified": "an address of no machine",
    "loopback": "this machine itself",
    "link_local": "the network next to the server",
    "private_network": "a private network",
    "shared_network": "a provider's inner network",
    "multicast": "a group of machines",
    "embedded_ipv4": "an address inside another",
    "reserved": "a reserved network",
    "zone_id": "an address of one machine's own network",
}


def broken_rule(address: Address) -> str | None:
    """Returns the rule by which an address is not the public internet, None when it is."""
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return "zone_id"
    for network, rule in _CLOSED:
        if address in network:
            return rule
    return None if isinstance(address, IPv4Address) or address in _GLOBAL_UNICAST else "reserved"


def check_addresses(answers: Iterable[str], opened: Sequence[Network]) -> list[str]:
    """Returns addresses that may all be called; raises EgressRefused when one may not.

    One bad address among good ones refuses all: which is dialled would be a matter of luck.
    """
    checked = []
    for answer in answers:
        address = ip_address(answer)
        rule = broken_rule(address)
        if rule is not None and not _is_opened(address, opened):
            raise EgressRefused(rule, f"it leads to {_MEANS[rule]}, which may not be called")
        checked.append(str(address))
    return checked


def _is_opened(address: Address, opened: Sequence[Network]) -> bool:
    has_zone = isinstance(address, IPv6Address) and address.scope_id is not None
    return not has_zone and any(address in network for network in opened)
