"""The marker by which we find our own comment again, and what it tells."""

import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dev.answers import Account, Comment
from ai_dev.marker import Marker, find_ours, is_ours, strip_marker

US = Account(login="github-actions[bot]", id=41898282, type="Bot")
OCTO = Account(login="octo", id=7, type="User")
DEEP = '<!-- ai-dev {"a":' + "[" * 1900 + "} -->"
WORDS = st.text(max_size=50)
MARKERS = st.builds(
    Marker,
    key=WORDS,
    status=WORDS,
    branch=st.none() | WORDS,
    sha=st.none() | WORDS,
    run=WORDS,
    claim=st.sampled_from(["", "a" * 40]),
    until=st.none() | st.integers(),
    done=st.lists(WORDS, max_size=5).map(tuple),
)


def comment(body, user=US):
    """A comment."""
    return Comment(id=1, body=body, user=user)


@given(MARKERS)
def test_marker_is_read_as_it_was_written(marker):
    """A marker holds any values, is one hidden line, and is found where a comment begins, and nowhere else."""
    line = marker.write()

    assert marker == Marker.read(f"{line}\nmore")
    assert Marker.read(f"text\n{line}\nmore") is None
    assert re.fullmatch(r"<!-- ai-dev [^\n]* -->", line)
    assert "--" not in line.removeprefix("<!--").removesuffix("-->")
    assert strip_marker(f"{line}\nmore") == "\nmore"


def test_only_the_first_marker_counts():
    """Text behind our marker cannot replace it."""
    ours, forged = Marker(branch="ai-dev/issue-1"), Marker(branch="main")

    assert ours == Marker.read(f"{ours.write()}\n> {forged.write()}")


@pytest.mark.parametrize(
    "body",
    [
        None,
        "",
        "no marker",
        "<!-- ai-dev -->",
        "<!-- ai-dev {} ->",
        "<!-- ai-dev {'a': 1} -->",
        "<!-- ai-dev {\n} -->",
        f"<!-- ai-dev {json.dumps({'key': 'x' * 9000})} -->",
        '<!-- ai-dev {"claim": 1} -->',
        '<!-- ai-dev {"claim": "many"} -->',
        '<!-- ai-dev {"done": {"a": 1}} -->',
        '<!-- ai-dev {"branch": ["main"]} -->',
        DEEP,
        "<!-- ai-dev {" * 5000,
    ],
    ids=[
        *["none", "empty", "text", "no values", "not closed", "no JSON", "two lines", "huge"],
        *["number", "no id", "no list", "no name", "deep", "many"],
    ],
)
def test_what_is_no_marker(body):
    """What anybody may paste, and is no marker of our form, is none, and breaks nothing."""
    assert Marker.read(body) is None


def test_ours_needs_marker_and_account():
    """A comment is ours when the marker is there and we wrote it: neither is enough."""
    marker = Marker(key="x").write()

    assert is_ours(comment(marker), US)
    assert not is_ours(comment(marker, OCTO), US)
    assert not is_ours(comment(marker, None), US)
    assert not is_ours(comment("text"), US)
    assert comment(marker) == find_ours([comment("text"), comment(marker, OCTO), comment(marker)], US)


@pytest.mark.parametrize(
    ("until", "live"),
    [(None, False), (-1, False), (60, True), (24 * 3600, True), (26 * 3600, False), (10**12, False)],
)
def test_run_that_may_be_at_work(until, live):
    """A run is at work until the time that it named, which is at most a day ahead: no forged one blocks for longer."""
    assert live == Marker(until=None if until is None else int(time.time()) + until).is_live()


def test_events_that_are_done_are_remembered():
    """Each event once, the newest last, and not without end."""
    assert ("a", "c", "b") == Marker(key="b", done=("a", "b", "c")).finish()
    assert 40 == len(Marker(key="x", done=tuple(map(str, range(100)))).finish())
