"""What a run may use: what a request costs, told or estimated, and how it is said."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dev.budget import Budget
from ai_dev.errors import OutOfBudget
from ai_dev.prices import Price, Usage

SOL = Price.of("gpt-6.2-sol", "")


def budget(**fields):
    """Ten turns and an hour, at the prices of the default model."""
    return Budget(**{"turns_allowed": 10, "seconds": 3600, "price": SOL, **fields})


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


TURNS = st.lists(st.tuples(st.integers(0, 12_000), st.integers(0, 20_000)), min_size=1, max_size=40)


@given(st.integers(3, 200), st.sampled_from(["gpt-6.2-sol", "gpt-6-luna", "gpt-6.2-astra"]), TURNS)
def test_dollars_are_never_exceeded(cents, model, turns):
    """Whatever the model writes and reads, a run never costs more than its limit, and the farewell can be paid."""
    limit = Decimal(cents) / 100
    used = budget(turns_allowed=1000, dollars=limit, price=Price.of(model, ""))
    size, cached = 6000, 0
    for answers, wanted in turns:
        try:
            terms = used.begin(size)
        except OutOfBudget:
            break
        written = min(wanted, terms.tokens)
        used.spend(Usage(size // 4, cached, written, size // 4 - cached), size, size + written * 4)
        cached, size = size // 4, size + written * 4 + answers
        assert used.cost <= limit
    else:
        return
    if used.turns:
        last = used.take_leave(size).tokens
        used.spend(Usage(size // 4, cached, last, size // 4 - cached), size, size + last * 4)
        assert used.cost <= limit


def test_dollars_are_not_wasted():
    """Work goes on until what is left pays for little more than the next request and the farewell."""
    used = budget(turns_allowed=1000, dollars=Decimal("0.50"))
    size, cached = 6000, 0
    with pytest.raises(OutOfBudget):
        while True:
            used.begin(size)
            used.spend(Usage(size // 4, cached, 300, size // 4 - cached), size, size + 1200)
            cached, size = size // 4, size + 1200 + 2000

    request, farewell = SOL.expect(size // 4, cached), SOL.expect(size // 4 + 4000, cached, 1000)
    assert Decimal("0.50") - used.cost < request + farewell + SOL.expect(2000, 0, 500)
    assert used.turns > 40


def test_a_limit_that_cut_a_reply_off_is_reached():
    """When a reply was cut off for want of dollars, the next would be too: it is the farewell's time."""
    used = budget(dollars=Decimal("0.10"))
    used.spend(Usage(1000, 1000, 100), 4000, 4400)
    terms = used.begin(4400)
    used.spend(Usage(1100, 1000, 100), 4400, 4800)
    used.begin(4800)
    used.find_short(terms)

    with pytest.raises(OutOfBudget):
        used.begin(4800)
    assert "none" == used.take_leave(4800).tool_choice


def test_output_that_costs_nothing():
    """Where nothing costs anything, a limit in dollars is never reached."""
    used = budget(dollars=Decimal("0.01"), price=Price.of("own", "input=0 output=0"))
    used.spend(Usage(10**6, 0, 10**6), 10**6, 10**6)

    assert 100_000 == used.begin(10**6).tokens


@pytest.mark.parametrize(
    ("allowed", "turns", "near", "over"),
    [(1, 0, 0, 0), (1, 1, 1, 1), (2, 1, 1, 1), (3, 1, 1, 0), (10, 6, 0, 0), (10, 7, 1, 0), (10, 9, 1, 1), (100, 94, 0, 0), (100, 95, 1, 0)],
)  # fmt: skip
def test_when_turns_run_out(allowed, turns, near, over):
    """The last turn is the farewell where one came before it; some turns earlier the limit is near."""
    used = Budget(allowed, 3600, turns=turns)

    assert bool(near) == bool(used.find_near(0))
    if over:
        with pytest.raises(OutOfBudget, match=f"The limit of {allowed} turn"):
            used.begin(0)
    else:
        used.begin(0)
