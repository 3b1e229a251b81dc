"""A seed -> a scene: which runs there are, when they meet, what fails, and when. All of it is drawn before it begins."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Literal

RATE_LIMIT = {"message": "API rate limit exceeded for installation ID 1."}
SECONDARY = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}
NO_PULLS = {"message": "GitHub Actions is not permitted to create or approve pull requests."}
_EVERY = "^/(repos|graphql)"
_WRITES = r"/git/(refs|trees|commits|blobs)"

GITHUB: dict[str, dict[str, Any]] = {
    "502": {"method": "", "path": _EVERY, "status": 502},
    "503 twice": {"method": "", "path": _EVERY, "status": 503, "times": 2},
    "502 though it did it": {"method": "POST", "path": _EVERY, "status": 502, "after": True},
    "drop": {"method": "", "path": _EVERY, "drop": True},
    "drop though it did it": {"method": "", "path": _EVERY, "drop": True, "after": True},
    "cut": {"method": "", "path": _EVERY, "cut": 10},
    "slow": {"method": "", "path": _EVERY, "delay": 1.5, "times": 3},
    "no answer": {"method": "", "path": _EVERY, "delay": 21},
    "no answer though it did it": {"method": "POST", "path": _EVERY, "delay": 21, "after": True},
    "429": {"method": "", "path": _EVERY, "status": 429, "headers": {"Retry-After": "1"}, "body": SECONDARY},
    "secondary limit": {"method": "POST", "path": _EVERY, "status": 403, "headers": {"Retry-After": "1"}, "body": SECONDARY},
    "primary limit": {
        "method": "", "path": _EVERY, "status": 403, "headers": {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"},
        "body": RATE_LIMIT,
    },
    "HTML": {"method": "", "path": _EVERY, "status": 200, "body": "<html>It works!</html>"},
    "writes fail": {"method": "", "path": _WRITES, "status": 502, "times": 6},
    "pulls fail": {"method": "POST", "path": "/pulls$", "status": 503, "times": 6},
    "comments fail": {"method": "", "path": "/comments", "status": 500, "times": 3},
    "no pulls": {"method": "POST", "path": "/pulls$", "status": 403, "body": NO_PULLS, "times": None},
    "token ends": {"method": "", "path": _EVERY, "status": 401, "body": {"message": "Bad credentials"}, "times": None},
    "fetch fails": {"method": "", "path": r"\.git/", "status": 502},
    "fetch drops": {"method": "", "path": r"\.git/", "drop": True},
    "fetch is cut": {"method": "POST", "path": r"\.git/", "cut": 200},
}  # fmt: skip
E2B: dict[str, dict[str, Any]] = {
    "no sandbox": {"method": "POST", "path": "/v2/sandboxes$", "status": 500},
    "sandbox unheard of": {"method": "POST", "path": "/v2/sandboxes$", "drop": True, "after": True},
    "too many sandboxes": {"method": "POST", "path": "/v2/sandboxes$", "status": 429},
    "files fail": {"method": "POST", "path": "/files", "status": 502},
    "files drop": {"method": "POST", "path": "/files", "drop": True},
    "files unheard of": {"method": "POST", "path": "/files", "drop": True, "after": True},
    "commands fail": {"method": "POST", "path": "/process.Process/Start", "status": 502},
    "commands drop": {"method": "POST", "path": "/process.Process/Start", "drop": True},
    "commands break off": {"method": "POST", "path": "/process.Process/Start", "cut": 40},
    "disk full": {"method": "POST", "path": "/files", "status": 507, "body": {"code": 507, "message": "not enough disk space"}},
    "set-up fails": {"method": "PUT", "path": "/network", "status": 503},
    "not found again": {"method": "POST", "path": "/connect$", "status": 502},
    "not ended": {"method": "DELETE", "path": "/sandboxes/", "status": 500},
}  # fmt: skip
EVENTS = (
    "sandbox vanishes", "sandbox vanishes", "push beside", "push across", "branch deleted", "label removed",
    "issue closed", "pull closed", "pull merged",
)  # fmt: skip
"""What happens while the model takes a step."""
LASTING = {"token ends", "writes fail", "pulls fail", "comments fail", "HTML"}
"""Faults after which the issue may not hear how a run ended; the log does."""

Pattern = Literal["one", "go on", "label again", "run again", "meet", "twice", "killed"]
PATTERNS: dict[Pattern, int] = {
    "one": 8, "go on": 3, "label again": 2, "run again": 2, "meet": 2, "twice": 2, "killed": 2,
}  # fmt: skip
"""What happens on an issue, and how often: "killed" is a run whose machine dies, so that it has no post step."""
_RUNS: dict[Pattern, int] = {"one": 1}


@dataclass(frozen=True)
class Cut:
    """A signal to the main step."""

    signal: Literal["SIGINT", "SIGTERM", "SIGKILL"]
    step: int | None
    """While the model takes this step; None: after so many seconds."""
    seconds: float


@dataclass(frozen=True)
class IssuePlan:
    """What happens on one issue."""

    number: int
    pattern: Pattern
    cut: Cut | None
    events: dict[tuple[int, int], str]
    """Conversation, step -> what happens then."""

    @property
    def runs(self) -> int:
        """How many main steps there are."""
        return _RUNS.get(self.pattern, 2)


@dataclass(frozen=True)
class Fault:
    """A fault of a service."""

    service: Literal["github", "e2b"]
    name: str
    skip: int


@dataclass(frozen=True)
class Scene:
    """All that was drawn."""

    seed: str
    issues: list[IssuePlan]
    faults: list[Fault]
    faultiness: float
    """How likely the model's service fails before a step."""

    @property
    def runs(self) -> int:
        """How many main steps there are."""
        return sum(issue.runs for issue in self.issues)

    def describe(self) -> str:
        """What was drawn, for people."""
        lines = [f"{len(self.issues)} issues, the model's service fails in {self.faultiness:.0%} of the steps"]
        lines += [f"  {fault.service}: {fault.name}, after {fault.skip} requests" for fault in self.faults]
        for issue in self.issues:
            lines.append(f"  issue {issue.number}: {issue.pattern}")
            if issue.cut:
                moment = f"{issue.cut.seconds:.2f} s" if issue.cut.step is None else f"step {issue.cut.step}"
                lines.append(f"    {issue.cut.signal} at {moment}")
            lines += [f"    conversation {talk}, step {step}: {what}" for (talk, step), what in issue.events.items()]
        return "\n".join(lines)


def draw(seed: str) -> Scene:
    """The scene of this seed."""
    rng = random.Random(seed)
    calm = rng.random() < 0.1
    issues = [_draw_issue(rng, number, calm=calm) for number in range(1, rng.choice((2, 2, 3, 4)))]
    faults = [] if calm else [_draw_fault(rng) for _ in range(rng.choice((0, 1, 1, 2, 2, 3)))]
    return Scene(seed, issues, faults, 0.0 if calm else rng.choice((0.0, 0.1, 0.3)))


def _draw_issue(rng: random.Random, number: int, *, calm: bool) -> IssuePlan:
    pattern = rng.choices(list(PATTERNS), list(PATTERNS.values()))[0]
    cut, events = None, {}
    if pattern == "killed" or (not calm and pattern in ("one", "go on", "run again") and rng.random() < 0.3):
        signal = "SIGKILL" if pattern == "killed" else rng.choice(("SIGINT", "SIGTERM", "SIGKILL"))
        step = rng.choice((None, 0, 1, 2))
        cut = Cut(signal, step, rng.uniform(0.05, 2.5))
    if not calm and rng.random() < 0.4:
        for _ in range(rng.choice((1, 1, 2, 3))):
            events[rng.randint(0, 1) * (pattern != "one"), rng.randint(0, 4)] = rng.choice(EVENTS)
    return IssuePlan(number, pattern, cut, events)


def _draw_fault(rng: random.Random) -> Fault:
    if rng.random() < 0.6:
        name = rng.choice(list(GITHUB))
        return Fault("github", name, rng.randint(0, 4 if name.startswith("fetch") else 30))
    name = rng.choice(list(E2B))
    return Fault("e2b", name, rng.randint(0, 20 if "commands" in name else 2))
