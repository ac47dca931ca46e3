"""The settings that open more than `https` to port 443 of the public internet."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network

from libs.config import SettingError
from libs.config.settings import EnvironSettings, flag, text
from libs.egress.addresses import Network
from libs.egress.policy import EgressPolicy

_ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressSettings(EnvironSettings):
    """Read once, at start, by every service that checks or calls what users name."""

    allow_http: bool = flag(
        "TIDINGS_EGRESS_ALLOW_HTTP",
        "Whether webhooks may speak `http`, which anyone on the way can read and change.",
        default=False,
    )
    networks: str = text(
        "TIDINGS_EGRESS_NETWORKS",
        "Networks that webhooks may reach though they are not the public internet, such as"
        " `10.1.0.0/16`, by commas.",
        default="",
    )
    ports: str = text(
        "TIDINGS_EGRESS_PORTS",
        "Ports that webhooks may reach, by commas; `*` for all. Unset: those of the open schemes.",
        default="",
    )
    ca_file: str = text(
        "TIDINGS_EGRESS_CERTIFICATES",
        "File of certificates (PEM) that webhooks trust beside the public authorities.",
        default="",
    )

    def policy(self) -> EgressPolicy:
        """Returns where calls may go; raises SettingError."""
        return EgressPolicy(
            allow_http=self.allow_http, networks=_networks(self.networks), ports=_ports(self.ports)
        )


def _networks(value: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError as error:
        raise SettingError(
            f"TIDINGS_EGRESS_NETWORKS must be networks such as 10.1.0.0/16, by commas: {error}"
        ) from None


def _ports(value: str) -> frozenset[int] | None:
    if value.strip() == _ANY:
        return None
    try:
        ports = frozenset(int(part) for part in value.split(",") if part.strip())
    except ValueError:
        ports = frozenset({0})
    if any(not 0 < port < 65536 for port in ports):
        raise SettingError(f"TIDINGS_EGRESS_PORTS must be ports by commas, or *, not {value!r}")
    return ports
