"""What the operator opens beyond `https` to port 443 of the public internet."""

from __future__ import annotations

from dataclasses import dataclass

from libs.egress.addresses import Network

_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressPolicy:
    """Where calls may go."""

    allow_http: bool = False
    """Whether `http` is spoken, which anyone on the way can read and change."""
    networks: tuple[Network, ...] = ()
    """Networks that are open though they are not the public internet."""
    ports: frozenset[int] | None = frozenset()
    """Ports that are open; empty for those of the open schemes, None for all."""

    def default_port(self, scheme: str) -> int | None:
        """Returns the port of a URL without one; None for a scheme that is closed."""
        return None if scheme == "http" and not self.allow_http else _DEFAULT_PORTS.get(scheme)

    def opens(self, port: int) -> bool:
        """Returns whether a port may be called."""
        if self.ports is None:
            return True
        return port in (self.ports or {self.default_port("https"), self.default_port("http")})
