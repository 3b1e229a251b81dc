"""The input sandbox-network -> Network: what a sandbox may reach."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Self

from .redaction import one_line

_HOSTS = 50
_HOST_NAME = re.compile(r"(?=[^.]*\.|localhost$)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){0,9}")


def read_choice(text: str) -> str:
    """The input ``sandbox-network``: a policy's name, or hosts in small letters, each once, with commas between them.

    Raises ValueError with the first host that is none.
    """
    hosts = re.split(r"[\s,]+", text.strip().lower()[:10_000]) if text.strip() else ["auto"]
    if hosts in (["auto"], ["open"], ["closed"]):
        return hosts[0]
    hosts = list(dict.fromkeys(host for host in hosts if host))
    if not hosts or len(text) > 10_000 or len(hosts) > _HOSTS:
        raise ValueError(f"give from 1 to {_HOSTS} hosts")
    for host in hosts:
        if not _is_host(host):
            raise ValueError(
                f"{one_line(host, 60)} is no host: give auto, open, closed, or host names and IPv4 addresses, "
                "such as packages.example, 192.0.2.7 or 192.0.2.0/24"
            )
    return ", ".join(hosts)


def _is_host(host: str) -> bool:
    if _is_address(host):
        return ipaddress.IPv4Network(host).prefixlen >= 8  # more than that is no list: it is `open`
    named = _HOST_NAME.fullmatch(host) is not None and not re.fullmatch(r"[0-9.]+", host)
    return named and not any(part.startswith("-") or part.endswith("-") for part in host.split("."))


def _is_address(host: str) -> bool:
    try:
        ipaddress.IPv4Network(host)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Network:
    """What a sandbox may reach."""

    open: bool
    hosts: tuple[str, ...] = ()
    """Names and addresses that may be reached all the same when it is not open."""
    open_for_set_up: bool = False
    """Whether the repository's own set-up commands may reach everything, before the model is asked."""

    @classmethod
    def of(cls, choice: str, *, private: bool) -> Self:
        """The network that the input ``sandbox-network`` chooses; by itself, that of a public repository is open."""
        if choice == "auto":
            return cls(open=not private, open_for_set_up=True)
        if choice in ("open", "closed"):
            return cls(open=choice == "open", open_for_set_up=choice == "open")
        return cls(open=False, hosts=tuple(choice.split(", ")))

    @property
    def names(self) -> tuple[str, ...]:
        """Those of the hosts that are names."""
        return tuple(host for host in self.hosts if not _is_address(host))

    def allows(self, host: str) -> bool:
        """Whether this host, by its name or address, may be reached."""
        if self.open or host in self.hosts:
            return True
        blocks = [ipaddress.IPv4Network(listed) for listed in self.hosts if _is_address(listed)]
        return _is_address(host) and any(ipaddress.IPv4Network(host).subnet_of(block) for block in blocks)

    def __str__(self) -> str:
        """In words: ``open``, ``closed``, or the hosts."""
        return "open" if self.open else f"only {', '.join(self.hosts)}" if self.hosts else "closed"
