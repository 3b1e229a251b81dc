"""What the E2B stand-in knows about one sandbox."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from .machine import Machine

ENVD_VERSION = "0.6.13"
EVERYTHING = "0.0.0.0/0"


@dataclass
class SandboxState:
    """A sandbox, alive or dead, as it was asked for and as it is."""

    id: str
    template: str
    metadata: dict[str, str]
    envs: dict[str, str]
    network: dict[str, Any]
    """The policy in force, as the protocol has it."""
    token: str
    """What envd wants to see from a client."""
    machine: Machine
    timeouts: list[int] = field(default_factory=list)
    """Seconds from then, each time that a life was asked for."""
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    ends_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    alive: bool = True
    killed_by: Literal["request", "timeout", "fault"] | None = None
    """None while it lives, and when only the end of the stand-in ended it."""
    timer: threading.Timer | None = None

    @property
    def home(self) -> Path:
        """Where its /home/user is on this machine."""
        return self.machine.directory / "home/user"

    @property
    def closed(self) -> bool:
        """Whether its commands have no network. Single addresses that a policy lets through are not emulated."""
        denied = self.network.get("allow_internet_access") is False or EVERYTHING in self.network.get("denyOut", [])
        return denied and EVERYTHING not in self.network.get("allowOut", [])

    def listed(self) -> dict[str, Any]:
        """What the control API tells of it."""
        return {
            "templateID": self.template,
            "sandboxID": self.id,
            "clientID": "client",
            "startedAt": _time(self.created_at),
            "endAt": _time(self.ends_at),
            "cpuCount": 2,
            "memoryMB": 512,
            "diskSizeMB": 5120,
            "state": "running",
            "envdVersion": ENVD_VERSION,
            "metadata": self.metadata,
        }


def _time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
