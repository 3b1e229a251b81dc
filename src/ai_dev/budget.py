"""What a run may use and what it has used."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic

from .errors import Cancelled, Stopped
from .model import Usage


@dataclass
class Budget:
    """What the run may use, and what it has used."""

    turns_allowed: int
    seconds: float
    began: float = field(default_factory=monotonic)
    turns: int = 0
    cancelled: bool = False
    """Whether GitHub has ended the run: then nothing is asked for and nothing is begun any more."""
    usage: Usage = field(default_factory=Usage)

    @property
    def until(self) -> float:
        """The moment of the limit, on the monotonic clock."""
        return self.began + self.seconds

    @property
    def seconds_left(self) -> float:
        """Time until the limit; negative behind it."""
        return self.until - monotonic()

    def check(self) -> None:
        """Raise Stopped when nothing is left, Cancelled when GitHub has ended the run.

        Asked before each request: a reply that is paid for is used.
        """
        if self.cancelled:
            raise Cancelled("GitHub ended the run.")
        if self.turns >= self.turns_allowed:
            raise Stopped(
                f"The limit of {self.turns_allowed} turns is reached.",
                cure="Split the task, or raise the input max-turns.",
            )
        if self.seconds_left <= 0:
            raise Stopped(
                f"The limit of {self.seconds / 60:.0f} minutes is reached.",
                cure="Split the task, or raise the inputs max-minutes and timeout-minutes.",
            )

    def spend(self, usage: Usage) -> None:
        """Count a turn."""
        self.turns += 1
        self.usage += usage

    def describe(self) -> str:
        """What was used, in words."""
        if not self.turns:
            return ""
        used, turns = self.usage, f"{self.turns} turn{'' if self.turns == 1 else 's'}"
        return f"{used.input:,} input tokens ({used.cached:,} cached), {used.output:,} output tokens in {turns}"
