"""A model's price: from the table, from the input, and what a reply costs by it."""

from decimal import Decimal

import pytest

from ai_dev.prices import Price, Usage

SOL = Price.of("gpt-6.2-sol", "")


@pytest.mark.parametrize(
    ("model", "text", "expected"),
    [
        ("gpt-6.2-sol", "", ("2", "0.10", "2.50", "10", 272_000)),
        ("gpt-6-luna", "", ("0.10", "0.01", "0.10", "0.50", 272_000)),
        ("gpt-6.2-astra", "", ("8", "8", "8", "40", 272_000)),
        ("gpt-6.2-sol", "output=12,cached-input=0", ("2", "0", "2.50", "12", 272_000)),
        ("own", "input=1\noutput=3", ("1", "1", "1", "3", None)),
        ("own", " input=1, output=3  long-above=128000 cache-write=1.25", ("1", "1", "1.25", "3", 128_000)),
    ],
)
def test_price(model, text, expected):
    """A price is the table's, with what the input says in its place; what nobody says of the cache costs as the rest."""
    price = Price.of(model, text)

    *dollars, long_above = expected
    assert [Decimal(each) for each in dollars] == [price.input, price.cached, price.written, price.output]
    assert long_above == price.long_above


def test_unknown_price():
    """A model that is not in the table has no price, and none is guessed from its name."""
    assert [None] * 3 == [Price.of(name, "") for name in ("own", "openai/gpt-6.2-sol", "gpt-6.2-sol-2026-10-01")]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("input=1", ["output is missing"]),
        ("cached-input=1", ["input is missing", "output is missing"]),
        (
            "input=1 output=2 reasoning=3",
            ["there is no reasoning (there are input, cached-input, cache-write, output,"],
        ),
        ("input=$1 output=1e3", ["input=$1 is no number", "output=1e3 is no number"]),
        ("input=1 output=2 input=1", ["input is there twice"]),
        ("2 10", ["there is no 2 (", "there is no 10 (", "input is missing", "output is missing"]),
        ("input = 1", ["input= is no number", "there is no  (", "there is no 1 (", "output is missing"]),
        ("input=1 output=2 long-above=1.5", ["long-above=1.5 is no number"]),
        ("input=-1 output=\u0663", ["input=-1 is no number", "output=\u0663 is no number"]),
    ],
)
def test_faults(text, faults):
    """Every fault of the input is told, with what to give."""
    with pytest.raises(ValueError, match="give dollars per million tokens, such as input=2 cached-input") as raised:
        Price.of("own", text)

    assert [] == [fault for fault in faults if fault not in str(raised.value)]
    assert len(faults) == 1 + str(raised.value).count("; ")


@pytest.mark.parametrize(
    ("used", "dollars"),
    [
        (Usage(), "0"),
        (Usage(1_000_000), "4"),
        (Usage(272_000), "0.544"),
        (Usage(272_001), "1.088004"),
        (Usage(100_000, 60_000, 1000, 30_000), "0.111"),
        (Usage(400_000, 400_000, 1000), "0.095"),
        (Usage(1000, 800, 0, 800), "0.00208"),
    ],
)
def test_cost(used, dollars):
    """Each kind of token has its price; above the limit of ordinary requests input costs twice, output half more."""
    assert Decimal(dollars) == SOL.cost(used)


def test_what_is_expected_is_no_less_than_what_it_costs():
    """However a server splits what was not cached, the estimate is not below the cost."""
    for written in (0, 500, 900):
        assert SOL.expect(1000, 100, 10) >= SOL.cost(Usage(1000, 100, 10, written))


def test_output_that_is_payable():
    """The tokens that fit into a sum cost no more than it, and one more would."""
    fit = SOL.fit(Decimal("0.05"), 1000)

    assert 4000 == fit
    assert SOL.fit(Decimal("0.05"), 300_000) == 2500
    assert 0 == SOL.fit(Decimal(-1), 1000)
    assert None is Price.of("own", "input=0 output=0").fit(Decimal(1), 1000)
