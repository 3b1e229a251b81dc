"""Workspace -> what its sandbox holds and reaches, looked at by one command before the model is asked.

The answer is searched here, on the runner: nothing secret is sent in to be searched for.
"""

from __future__ import annotations

import re
import shlex
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from .errors import AiDevError, ToolError
from .leaks import Leaks
from .network import Network
from .redaction import Redactor, one_line, plain
from .workspace import OURS, Workspace

_SECTION = 256 << 10
"""Bytes of each part of the answer."""
_SECONDS = 20
_CONNECTION_SECONDS = 1
_SCRIPT = """
mark() {{ printf '\\n%s %s\\n' {nonce} "$1"; }}
reach() {{
  timeout {seconds} bash -c 'exec 3<>"/dev/tcp/$0/$1" && printf "ai-dev-probe\\r\\n\\r\\n" >&3 && head -c 1 <&3' \\
    "$1" "$2" 2>/dev/null | wc -c
}}
reach {first} > {ours}/first & reach {second} > {ours}/second &
mark environment
env | head -c {limit}
mark processes
cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | sort -u | head -c {limit}
mark configuration
git config --list -z 2>/dev/null | tr '\\n\\0' '\\t\\n' | head -c {limit}
mark remotes
git remote -v 2>/dev/null | head -c {limit}
mark files
ls -d ~/.git-credentials ~/.netrc ~/.config/git/credentials ~/.config/gh/hosts.yml 2>/dev/null
mark connections
wait
cat {ours}/first {ours}/second
mark end
"""
_PARTS = ("environment", "processes", "configuration", "remotes", "files", "connections", "end")
_CREDENTIAL_KEY = re.compile(r"credential\.(?:.{0,500}\.)?helper|http\.(?:.{0,500}\.)?extraheader", re.IGNORECASE)
_CURE = (
    "Take it out of the sandbox template, or of the set-up commands: whatever the sandbox holds, the model can read. "
    "Replace a key that was found."
)
_NETWORK_CURE = (
    "Check that this E2B enforces network policies, and report it there if it should. "
    "With `sandbox-network: open` the sandbox may reach everything."
)


@dataclass(frozen=True)
class Target:
    """A place that the sandbox is made to connect to."""

    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Self:
        """A server's port of plain HTTP, where its address names no other: it answers to whatever it is sent."""
        parts = urlsplit(url)
        try:
            return cls(parts.hostname or "", parts.port or 80)
        except ValueError:  # there is no such port, and the run will hear of it
            return cls(parts.hostname or "", 80)

    def __str__(self) -> str:
        """As ``HOST:PORT``."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Boundary:
    """What the sandbox must not hold, and what it may reach."""

    secrets: Mapping[str, str] = field(repr=False)
    """The workflow's, by the names of their inputs."""
    network: Network
    targets: tuple[Target, Target]
    """Where it is made to connect to: the services that everything of worth would be sent to, or by."""


@dataclass(frozen=True)
class Probe:
    """What the sandbox told of itself; all of it is its claim."""

    environment: str
    """Variables of a command."""
    processes: str
    """Variables of all processes that a command may look into."""
    configuration: str
    """Git's configuration of all scopes: ``KEY`` tab ``VALUE`` on each line."""
    remotes: str
    files: str
    """Files in which programs keep credentials."""
    answered: tuple[bool, ...]
    """Whether data came back, for each of the targets."""

    @classmethod
    def take(cls, workspace: Workspace, boundary: Boundary) -> Self:
        """Ask the sandbox. Raises AiDevError when its answer is not whole, ServiceError."""
        nonce = uuid.uuid4().hex
        first, second = (f"{shlex.quote(target.host)} {target.port}" for target in boundary.targets)
        script = _SCRIPT.format(
            nonce=nonce, first=first, second=second, ours=OURS, limit=_SECTION, seconds=_CONNECTION_SECONDS
        )
        try:
            return cls._read(workspace.inspect(script, _SECONDS), nonce)
        except (ToolError, ValueError) as e:
            why = plain(str(e)) or "Its answer is not whole."
            raise AiDevError("The sandbox could not be looked at before the work.", why, _CURE) from None

    @classmethod
    def _read(cls, answer: str, nonce: str) -> Self:
        _, *parts = answer.split(f"\n{nonce} ")
        found = {name: text for name, _, text in (part.partition("\n") for part in parts)}
        if tuple(found) != _PARTS or len(parts) != len(_PARTS):
            raise ValueError
        if long := [name for name in _PARTS if len(found[name].encode()) >= _SECTION]:
            raise ValueError(f"There is more {long[0]} than can be looked through.")
        counts = found["connections"].split()
        if len(counts) != 2:
            raise ValueError
        return cls(
            environment=found["environment"],
            processes=found["processes"],
            configuration=found["configuration"],
            remotes=found["remotes"],
            files=found["files"],
            answered=tuple(count != "0" for count in counts),
        )

    def check(self, boundary: Boundary) -> str:
        """Say in a sentence what was found. Raises AiDevError with everything that may not be."""
        if held := [*self._find_secrets(boundary.secrets), *self._find_credentials()]:
            raise AiDevError("The sandbox holds what the model must not have.", _list(held), _CURE)
        network, targets = boundary.network, boundary.targets
        reached = [target for target, answered in zip(targets, self.answered, strict=True) if answered]
        if too_far := [str(target) for target in reached if not network.allows(target.host)]:
            raise AiDevError(
                "The sandbox reaches the network though it must not.",
                f"Its network is to be {network}, and {' and '.join(too_far)} answered.",
                _NETWORK_CURE,
            )
        return (
            "The sandbox holds none of the workflow's secrets, no credential of git's and no remote; "
            f"network: {network}, {len(reached)} of {len(targets)} connections answered."
        )

    def _find_secrets(self, secrets: Mapping[str, str]) -> list[str]:
        """The secrets that are in the answer, as they are or disguised."""
        places = {
            "environment": self.environment + self.processes,
            "git configuration": self.configuration,
            "list of remotes": self.remotes,
        }
        return [
            f"Its {place} has the input `{name}`, as it is or disguised."
            for name, secret in secrets.items()
            for place, text in places.items()
            if Leaks.of([secret]).found_in(text)
        ]

    def _find_credentials(self) -> list[str]:
        """Credentials of others, and ways to get them."""
        lines = [line.partition("\t") for line in self.configuration.split("\n")]
        found = [
            f"Its git configuration has `{one_line(key, 100)}`."
            for key, _, value in lines
            if (value and _CREDENTIAL_KEY.fullmatch(key[:600]))
            or key.startswith("remote.")
            or _has_password(key, value)
        ]
        if self.remotes.strip():
            found.append("Its repository has a remote.")
        found += [f"It has the file {one_line(name, 100)}." for name in self.files.split()]
        known = Redactor()
        for place, text in (("environment", self.environment), ("git configuration", self.configuration)):
            if known.hide(text) != text:
                found.append(f"Its {place} has what looks like a key or a token.")
        return found[:20]


def _has_password(key: str, value: str) -> bool:
    """Whether an address in an entry of git's configuration names a user and a password."""
    return any(re.search(r"://[^/\s@:]{0,500}:[^/\s@]{1,500}@", text[:2000]) for text in (key, value))


def _list(reasons: list[str]) -> str:
    return "\n".join(f"- {reason}" for reason in reasons)
