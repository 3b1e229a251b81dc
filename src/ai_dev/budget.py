"""What a run may use and has used, and what the next request may use of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from time import monotonic

from .errors import Cancelled, OutOfBudget
from .model import Terms
from .prices import Price, Usage

_BYTES = 3
"""Bytes of a request that count as a token. English has more than four a token, code between three and four."""
_WARM = 300.0
"""Seconds for which what was in the model's cache certainly stays there."""
_FAREWELL_SECONDS = 90.0
_FAREWELL_TOKENS = 1_000
"""Of output, kept for the farewell."""
_FAREWELL_ANSWERS = 4_000
"""Tokens of tools' answers, kept for the farewell to read."""
_USEFUL = 500
"""Tokens of output below which a request is of no use for the work."""
_SHORTEST = 100
"""Tokens of output below which nothing can be said."""
_MOST_TOKENS = 100_000
"""Of output, that a request of a run with a limit in dollars asks for."""


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
    _useful: int = _USEFUL
    _seen: _Seen = field(default_factory=_Seen)

    @property
    def until(self) -> float:
        """The moment of the limit, on the monotonic clock."""
        return self.began + self.seconds

    @property
    def seconds_left(self) -> float:
        """Time until the limit; negative behind it."""
        return self.until - monotonic()

    @property
    def working_seconds_left(self) -> float:
        """Time until that which is kept for the farewell; negative behind it."""
        return self.seconds_left - min(_FAREWELL_SECONDS, 0.08 * self.seconds)

    def check_time(self) -> None:
        """Raise OutOfBudget when there is no more time to work, Cancelled when GitHub has ended the run."""
        self._check_cancelled()
        if self.working_seconds_left <= 0:
            raise self._end_of_time("is reached")

    def begin(self, size: int) -> Terms:
        """What the next request, of so many bytes, may use. Raises OutOfBudget when there is only the farewell left."""
        if self.turns >= max(1, self.turns_allowed - 1):
            raise self._end_of_turns("is reached")
        self.check_time()
        tokens = self._fit(size, keeping=self._farewell(size))
        if tokens is not None and tokens < self._useful:
            raise self._end_of_dollars("What is left of the limit of {} does not pay for more work.")
        return Terms(self.until, tokens)

    def begin_summary(self, size: int) -> Terms:
        """Like ``begin``, for a request that wants text alone."""
        return replace(self.begin(size), tool_choice="none")

    def find_short(self, terms: Terms) -> None:
        """Remember that a reply on these terms was cut off: what was too little once is too little again."""
        if terms.tokens is not None and terms.tokens < _MOST_TOKENS:
            self._useful = terms.tokens

    def take_leave(self, size: int) -> Terms:
        """What the farewell, of so many bytes, may use. Raises OutOfBudget when there is nothing."""
        self._check_cancelled()
        if self.turns >= self.turns_allowed:
            raise self._end_of_turns("is reached")
        if self.seconds_left <= 0:
            raise self._end_of_time("is reached")
        tokens = self._fit(size, keeping=Decimal())
        if tokens is not None and tokens < _SHORTEST:
            raise self._end_of_dollars("The limit of {} is reached.")
        return Terms(min(self.until, monotonic() + _FAREWELL_SECONDS), tokens, "none")

    @property
    def read(self) -> int:
        """Tokens of the conversation that the model has read and written last: so many do fit."""
        return self._seen.tokens

    def start_anew(self) -> None:
        """Forget what is known of the conversation: another begins."""
        self._seen = _Seen()

    def _check_cancelled(self) -> None:
        if self.cancelled:
            raise Cancelled("GitHub ended the run.")

    def find_near(self, size: int) -> OutOfBudget | None:
        """The limit that is near, before a request of so many bytes that may begin; why it is near is for the model."""
        if not self.turns:
            return None
        turns = self.turns_allowed - self.turns
        if turns <= max(3, min(5, self.turns_allowed // 5)):
            return self._end_of_turns(
                "was near", f"{turns} of {self.turns_allowed} turns are left, counting this one and the last."
            )
        if self.seconds_left <= min(300, 0.2 * self.seconds):
            return self._end_of_time("was near", f"{self.working_seconds_left:.0f} seconds are left to work.")
        if self.dollars is not None and self._is_spent(self.dollars, size):
            return self._end_of_dollars("The limit of {} was near.", f"Little is left of ${self.dollars}.")
        return None

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

    def _end_of_turns(self, how: str, why: str = "") -> OutOfBudget:
        turns = f"{self.turns_allowed} turn{'' if self.turns_allowed == 1 else 's'}"
        return OutOfBudget(f"The limit of {turns} {how}.", why, "Split the task, or raise the input max-turns.")

    def _end_of_time(self, how: str, why: str = "") -> OutOfBudget:
        cure = "Split the task, or raise the inputs max-minutes and timeout-minutes."
        return OutOfBudget(f"The limit of {self.seconds / 60:.0f} minutes {how}.", why, cure)

    def _end_of_dollars(self, what: str, why: str = "") -> OutOfBudget:
        return OutOfBudget(what.format(f"${self.dollars}"), why, "Split the task, or raise the input max-cost.")

    def _is_spent(self, dollars: Decimal, size: int) -> bool:
        """Whether four fifths of the dollars are spent, or all but what two more requests cost."""
        left = dollars - self.cost
        return left * 5 <= dollars or left <= 2 * self._price(size, _FAREWELL_TOKENS) + self._farewell(size)

    def _fit(self, size: int, *, keeping: Decimal) -> int | None:
        """Tokens of output that can be paid for in a request of so many bytes; None where there is no limit."""
        if self.dollars is None or self.price is None:
            return None
        left = self.dollars - self.cost - keeping - self._price(size)
        fit = self.price.fit(left, self._expect(size)[0])
        return _MOST_TOKENS if fit is None and left >= 0 else min(fit or 0, _MOST_TOKENS)

    def _farewell(self, size: int) -> Decimal:
        """Dollars to keep for the farewell behind a request of so many bytes."""
        return self._price(size + _FAREWELL_ANSWERS * _BYTES, _FAREWELL_TOKENS)

    def _price(self, size: int, output: int = 0) -> Decimal:
        """Dollars for a request of so many bytes, and so many tokens of output."""
        return self.price.expect(*self._expect(size), output) if self.price else Decimal()

    def _expect(self, size: int) -> tuple[int, int]:
        """Tokens of the input of a request of so many bytes, rather too many, and those of them that are cached."""
        cached = self._seen.cached if monotonic() - self._seen.at < _WARM else 0
        return self._seen.tokens + _count(size - self._seen.size), cached

    def _pay(self, used: Usage, *, guessed: bool) -> None:
        self.guessed = self.guessed or guessed
        if self.price:
            cost = self.price.expect(used.input, used.cached, used.output) if guessed else self.price.cost(used)
            self.cost += max(Decimal(), cost)


def _count(size: int) -> int:
    """Tokens of so many bytes, rather too many than too few."""
    return -(-max(0, size) // _BYTES)
