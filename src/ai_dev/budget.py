"""What a run may use and what it has used."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from time import monotonic

from .errors import Cancelled, Stopped
from .prices import Price, Usage

_BYTES = 3
"""Bytes of a request that count as a token. English has more than four a token, code between three and four."""
_WARM = 300.0
"""Seconds for which what was in the model's cache certainly stays there."""


@dataclass(frozen=True)
class _Seen:
    """What is known of the conversation as far as the last reply."""

    tokens: int = 0
    cached: int = 0
    size: int = 0
    """Bytes of a request for all of it."""
    at: float = 0.0


@dataclass
class Budget:
    """What the run may use, and what it has used."""

    turns_allowed: int
    seconds: float
    dollars: Decimal | None = None
    price: Price | None = None
    """What the model costs; known wherever ``dollars`` has a limit."""
    began: float = field(default_factory=monotonic)
    turns: int = 0
    cancelled: bool = False
    """Whether GitHub has ended the run: then nothing is asked for and nothing is begun any more."""
    usage: Usage = field(default_factory=Usage)
    """As the server told it."""
    cost: Decimal = Decimal()
    """What was paid, as far as the price is known."""
    guessed: bool = False
    """Whether the server did not tell all that was paid."""
    _seen: _Seen = field(default_factory=_Seen)

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

    def spend(self, usage: Usage | None, asked: int, grown: int) -> None:
        """Count a turn: a request of ``asked`` bytes, and ``grown`` bytes when its reply is added.

        Where the server does not tell its usage, it is estimated.
        """
        self.turns += 1
        tokens, cached = self._expect(asked)
        paid = usage or Usage(tokens, cached, _count(grown - asked))
        self.usage += usage or Usage()
        self._pay(paid, guessed=usage is None)
        self._seen = _Seen(paid.input + paid.output, paid.cached, grown, monotonic())

    def lose(self, asked: int, written: int) -> None:
        """Count what was paid for a reply that broke off after so many bytes of the model's: at most that."""
        tokens, cached = self._expect(asked)
        self._pay(Usage(tokens, cached, _count(written)), guessed=True)

    def describe(self) -> str:
        """What was used, in words."""
        words = []
        if self.turns:
            used, turns = self.usage, f"{self.turns} turn{'' if self.turns == 1 else 's'}"
            tokens = f"{used.input:,} input tokens ({used.cached:,} cached), {used.output:,} output tokens"
            words.append(f"{tokens} in {turns}")
        if self.cost:
            about = "about " if self.guessed else ""
            words.append(f"{about}${self.cost:.{2 if self.cost >= Decimal('0.01') else 4}f}")
        return ", ".join(words)

    @property
    def told_cost(self) -> str:
        """Dollars with four decimals; empty where the model's price is not known."""
        return f"{self.cost:.4f}" if self.price else ""

    def _expect(self, size: int) -> tuple[int, int]:
        """Tokens of the input of a request of so many bytes, rather too many, and those of them that are cached."""
        cached = self._seen.cached if monotonic() - self._seen.at < _WARM else 0
        return self._seen.tokens + _count(size - self._seen.size), cached

    def _pay(self, used: Usage, *, guessed: bool) -> None:
        self.guessed = self.guessed or guessed
        if self.price:
            cost = self.price.expect(used.input, used.cached, used.output) if guessed else self.price.cost(used)
            self.cost += cost


def _count(size: int) -> int:
    """Tokens of so many bytes, rather too many than too few."""
    return -(-max(0, size) // _BYTES)
