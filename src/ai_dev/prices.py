"""A model and its tokens -> dollars."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Self

from .redaction import one_line

_MILLION = 1_000_000
EXAMPLE = "input=2 cached-input=0.10 cache-write=2.50 output=10"
"""What the input ``prices`` may hold."""
_NAMES = ("input", "cached-input", "cache-write", "output", "long-above")
_LONG = 272_000
_TABLE: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "gpt-6.2-sol": {"input": "2", "cached-input": "0.10", "cache-write": "2.50", "output": "10"},
        "gpt-6.2-astra": {"input": "8", "output": "40"},
        "gpt-6-luna": {"input": "0.10", "cached-input": "0.01", "output": "0.50"},
    }
)
"""OpenAI's list of November 2026, in dollars per million tokens."""


@dataclass(frozen=True)
class Usage:
    """Tokens of one reply, or of many added up."""

    input: int = 0
    cached: int = 0
    """Of the input, those that the server had in its cache."""
    output: int = 0
    written: int = 0
    """Of the input, those that the server put into its cache."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.cached + other.cached,
            self.output + other.output,
            self.written + other.written,
        )


@dataclass(frozen=True)
class Price:
    """What a model costs, in dollars per million tokens."""

    input: Decimal
    cached: Decimal
    """Input that the server had in its cache."""
    written: Decimal
    """Input that the server puts into its cache."""
    output: Decimal
    long_above: int | None
    """Tokens of input above which a request costs twice as much for its input, and half as much again for output."""

    @classmethod
    def of(cls, model: str, text: str) -> Self | None:
        """The price of a model: what the table says, with what the ``text`` of the input ``prices`` says in its place.

        None where the model is not known and there is no text. Raises ValueError with every fault of the text. What is
        not said of the cache costs what other input does.
        """
        known = dict(_TABLE.get(model, {}))
        if known:
            known["long-above"] = str(_LONG)
        prices = known | _read(text, known)
        if not prices:
            return None
        every = prices["input"]
        long_above = prices.get("long-above")
        return cls(
            Decimal(every),
            Decimal(prices.get("cached-input", every)),
            Decimal(prices.get("cache-write", every)),
            Decimal(prices["output"]),
            int(long_above) if long_above else None,
        )

    def cost(self, used: Usage) -> Decimal:
        """Dollars for a reply that used so much."""
        fresh = max(0, used.input - used.cached - used.written)
        taken = self.input * fresh + self.cached * used.cached + self.written * used.written
        long = self._is_long(used.input)
        return (taken * (2 if long else 1) + self.output * used.output * (Decimal("1.5") if long else 1)) / _MILLION

    def expect(self, tokens: int, cached: int, output: int = 0) -> Decimal:
        """Dollars for a request of so many tokens of input, at the most: what is not cached may be put there."""
        written = tokens - cached if self.written > self.input else 0
        return self.cost(Usage(tokens, cached, output, written))

    def fit(self, dollars: Decimal, tokens: int) -> int | None:
        """How many tokens of output, each read again by the next request, the dollars pay for; None where all are free.

        ``tokens`` is the input of the request that makes them.
        """
        each = max(self.input, self.written) * (2 if self._is_long(tokens) else 1)
        each += self.output * (Decimal("1.5") if self._is_long(tokens) else 1)
        return int(max(Decimal(), dollars) * _MILLION / each) if each else None

    def _is_long(self, tokens: int) -> bool:
        return self.long_above is not None and tokens > self.long_above


def _read(text: str, known: Mapping[str, str]) -> dict[str, str]:
    """The words of the input ``prices``; with those that are ``known`` they must be enough."""
    prices: dict[str, str] = {}
    faults = []
    for word in re.split(r"[\s,]+", text.strip()) if text.strip() else []:
        name, _, value = word.partition("=")
        pattern = r"[0-9]{1,9}" if name == "long-above" else r"[0-9]{1,6}(\.[0-9]{1,6})?"
        if name not in _NAMES:
            faults.append(f"there is no {one_line(name, 60)} (there are {', '.join(_NAMES)})")
        elif not re.fullmatch(pattern, value):
            faults.append(f"{name}={one_line(value, 60)} is no number")
        elif name in prices:
            faults.append(f"{name} is there twice")
        prices[name] = value
    if text.strip():
        faults += [f"{name} is missing" for name in ("input", "output") if name not in {*known, *prices}]
    if faults:
        raise ValueError(f"{'; '.join(faults)}: give dollars per million tokens, such as {EXAMPLE}")
    return prices
