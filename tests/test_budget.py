"""What a run may use: what a request costs, told or estimated, and how it is said."""

from decimal import Decimal

import pytest

from ai_dev.budget import Budget
from ai_dev.prices import Price, Usage

SOL = Price.of("gpt-6.2-sol", "")


def budget(**fields):
    """Ten turns and an hour, at the prices of the default model."""
    return Budget(10, 3600, **{"price": SOL, **fields})


@pytest.mark.parametrize(
    ("price", "usage", "expected"),
    [
        (
            SOL,
            Usage(12_000, 9_000, 500, 2_000),
            "12,000 input tokens (9,000 cached), 500 output tokens in 1 turn, $0.01",
        ),
        (SOL, Usage(600, 0, 20), "600 input tokens (0 cached), 20 output tokens in 1 turn, $0.0014"),
        (None, Usage(600, 0, 20), "600 input tokens (0 cached), 20 output tokens in 1 turn"),
        (SOL, None, "0 input tokens (0 cached), 0 output tokens in 1 turn, about $0.0035"),
    ],
    ids=["dollars", "less than a cent", "no price", "no usage"],
)
def test_what_was_used_is_said(price, usage, expected):
    """Tokens, turns, and dollars where the price is known; what the server did not tell is about right."""
    used = budget(price=price)
    used.spend(usage, 3000, 3300)

    assert expected == used.describe()


def test_nothing_used():
    """Before the first reply there is nothing to say."""
    assert ["", "0.0000", ""] == [budget().describe(), budget().told_cost, budget(price=None).told_cost]


def test_costs_add_up():
    """What the server told, what it did not tell, and what broke off are all paid for."""
    used = budget()
    used.spend(Usage(1000, 0, 100), 3000, 3600)
    used.lose(6600, 300)
    used.spend(None, 6600, 7200)

    told = SOL.cost(Usage(1000, 0, 100))
    assert told + SOL.expect(2100, 0, 100) + SOL.expect(2100, 0, 200) == used.cost
    assert (2, Usage(1000, 0, 100)) == (used.turns, used.usage)
    assert "0.0165" == used.told_cost


def test_the_estimate_goes_on_from_what_the_server_told():
    """What the server counted is not counted again by its bytes, and what it had in its cache it has again."""
    used = budget()
    used.spend(Usage(5000, 4000, 500), 90_000, 99_000)
    used.lose(99_300, 0)

    assert SOL.cost(Usage(5000, 4000, 500)) + SOL.expect(5600, 4000) == used.cost


def test_a_cache_grows_cold(monkeypatch):
    """After five minutes nothing counts as cached."""
    used = budget()
    used.spend(Usage(5000, 4000, 500), 90_000, 99_000)
    before, clock = used.cost, used._seen.at
    monkeypatch.setattr("ai_dev.budget.monotonic", lambda: clock + 301)
    used.lose(99_000, 0)

    assert SOL.expect(5500, 0) == used.cost - before


def test_dollars_are_exact():
    """Ten cents ten times is a dollar."""
    used = budget(price=Price.of("own", "input=100 output=0"))
    for _ in range(10):
        used.spend(Usage(1000, 0, 0), 0, 0)

    assert Decimal(1) == used.cost
