"""Reads URLs that users name. Strict: a URL that two programs could read in two ways is none.

Nothing else here reads them again: what is checked is what is called, piece by piece.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import NoReturn

from libs.egress.addresses import check_addresses
from libs.egress.policy import EgressPolicy
from libs.egress.refusal import EgressRefused

_LONGEST = 2048
_URL = re.compile(r"(https?)://([^/?]*)((?:[/?].*)?)", re.ASCII)
_UNSAFE = re.compile(r"[^\x21-\x7e]|[\\\"<>^`{|}]")
_NAME = re.compile(r"([^:\[\]]*)(?::([0-9]{1,5}))?")
_LITERAL_V6 = re.compile(r"\[([0-9A-Fa-f:.]*)\](?::([0-9]{1,5}))?")
_PORT = re.compile(r":[0-9]*\Z")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# A last label like this makes resolvers read the whole as a number, in one of many ways.
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LONGEST_NAME = 253


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL in pieces."""

    scheme: str
    host: str
    """A lower-case name or a literal address, IPv6 without brackets."""
    port: int
    path: str
    """With the query, and at least `/`."""
    literal: bool
    """Whether the host is an address and not a name."""

    @property
    def authority(self) -> str:
        """The value of the Host header (RFC 9110 §7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        return host if self.port == default else f"{host}:{self.port}"


def check_url(url: str, policy: EgressPolicy) -> Target:
    """Reads a URL and checks all that can be known without asking for its name.

    Raises EgressRefused. Who connects checks the addresses, each time.
    """
    if len(url) > _LONGEST:
        _refuse("length", f"it is longer than {_LONGEST} characters")
    if _UNSAFE.search(url):
        _refuse(
            "characters",
            "it has characters that no URL has: percent-encode them, and write a name as xn--…",
        )
    if "#" in url:
        _refuse("fragment", "it has a fragment, which is never sent: leave out # and what follows")
    found = _URL.fullmatch(url)
    scheme = found.group(1) if found else ""
    default_port = policy.default_port(scheme)
    if found is None or default_port is None:
        wanted = "https or http" if policy.allow_http else "https"
        _refuse("scheme", f"it must be an absolute {wanted} URL")
    host, port_text, literal = _read_authority(found.group(2))
    port = int(port_text) if port_text else default_port
    if not (0 < port < 65536 and policy.opens(port)):
        _refuse("port", f"port {port} is closed")
    if literal:
        check_addresses([host], policy.networks)
    elif host == "localhost" or host.endswith(".localhost"):
        # By RFC 6761 the name is nothing else.
        check_addresses(["127.0.0.1"], policy.networks)
    rest = found.group(3)
    path = rest if rest.startswith("/") else f"/{rest}"
    return Target(scheme=scheme, host=host, port=port, path=path, literal=literal)


def host_of(url: str) -> str:
    """Returns the host of a URL as it is written there, without its port, to tell servers apart by; '' if
    it has none."""
    found = _URL.fullmatch(url)
    return _PORT.sub("", found.group(2).lower()) if found else ""


def _read_authority(authority: str) -> tuple[str, str | None, bool]:
    """Returns host, port if one is written, and whether the host is an address."""
    if "@" in authority:
        _refuse("user_info", "it has a user or a password before the host: leave them out")
    if "%" in authority:
        rule = "zone_id" if authority.startswith("[") else "host_spelling"
        _refuse(rule, "its host has a % in it: write the host plainly")
    if found := _LITERAL_V6.fullmatch(authority):
        return _read_v6(found.group(1)), found.group(2), True
    found = _NAME.fullmatch(authority)
    if found is None or not found.group(1):
        _refuse("host_spelling", "it has no host, or one that cannot be read")
    host = found.group(1).lower()
    labels = host.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        return _read_v4(host), found.group(2), True
    if len(host) > _LONGEST_NAME or not all(map(_LABEL.fullmatch, labels)):
        _refuse("host_spelling", "its host is no DNS name: letters, digits, hyphens, single dots")
    return host, found.group(2), False


def _read_v4(host: str) -> str:
    try:
        # Four decimal numbers without leading zeros, and nothing else.
        return str(IPv4Address(host))
    except ValueError:
        _refuse("host_spelling", "its host is a number: write four decimal numbers, or a name")


def _read_v6(host: str) -> str:
    try:
        return str(IPv6Address(host))
    except ValueError:
        _refuse("host_spelling", "its host is no IPv6 address")


def _refuse(rule: str, sentence: str) -> NoReturn:
    raise EgressRefused(rule, sentence)
