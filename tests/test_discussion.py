"""Comments with every time and author: only those that are clearly older, by people who may be heard."""

from hypothesis import given
from hypothesis import strategies as st

from ai_dev.answers import Account, Comment
from ai_dev.discussion import Discussion
from ai_dev.event import Kind, Trigger
from ai_dev.repository import Repository

AT = "2026-01-02T00:00:00Z"
BEFORE = "2026-01-01T23:59:59Z"
AUTHOR = Account(login="author", id=7, type="User")
NOWHERE = Repository("http://127.0.0.1:9/api", "octo/demo", "ghs_token")
"""These tests ask for nobody."""


def comment(number=1, user=AUTHOR, created=BEFORE, updated=BEFORE):
    """A comment."""
    return Comment(id=number, body=f"Word {number}.", user=user, created_at=created, updated_at=updated)


def choose(comments, request=None, author=AUTHOR):
    """The numbers of the comments that are shown, and how many are left out."""
    trigger = Trigger(Kind.COMMENT if request else Kind.LABEL, 1, "", None, None, request, None, AT, "run-5")
    discussion = Discussion.choose(comments, trigger, author, NOWHERE)
    return [c.id for c in discussion.comments], discussion.left_out


def test_strictly_older():
    """Said and last edited before the trigger; what came later is not counted, for it was not there."""
    assert ([1], 0) == choose([comment()])
    assert ([], 0) == choose([comment(created=AT, updated=AT)])
    assert ([], 1) == choose([comment(updated=AT)])
    assert ([], 1) == choose([comment(updated="2026-01-03T00:00:00Z")])


def test_request_is_not_repeated():
    """The comment that gave the command is no part of the discussion."""
    said = comment(2)

    assert ([1], 0) == choose([comment(1), said], said)


def test_nobody_is_heard_without_an_account():
    """Comments of accounts that are gone, of bots and of unknown types are left out, even the author's."""
    others = [None, Account(login="author", id=7), Account(login="author[bot]", id=7, type="Bot")]

    assert ([], 3) == choose([comment(i, user) for i, user in enumerate(others)])
    assert ([], 1) == choose([comment(user=None)], author=None)


def test_newest_twenty():
    """Of many the newest are shown, oldest first."""
    assert (list(range(5, 25)), 5) == choose([comment(i) for i in range(25)])


@given(st.text(max_size=25) | st.sampled_from(["2026-01-01", "2026-01-01T00:00:00+02:00", "2026-01-01T00:00:00Z\n"]))
def test_what_is_no_time_says_nothing(stamp):
    """A comment whose times GitHub does not write so is not shown."""
    assert [] == choose([comment(created=stamp)])[0]
    assert [] == choose([comment(updated=stamp)])[0]
