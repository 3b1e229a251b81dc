"""What the model is told of files that are no ordinary ones."""

from hypothesis import given
from hypothesis import strategies as st

from ai_dev.survey import parse_survey


def test_nothing_special():
    """Where all files are ordinary ones there is nothing to tell."""
    assert "" == parse_survey("0\n\n0\n\n0\n\n")


def test_some_of_each():
    """Each kind is counted, and some are named."""
    told = parse_survey("2\na\nb\n\n0\n\n1234\n" + "\n".join("xyzuvw") + "\n\n")

    assert [
        "- 2 symbolic links, which may be followed and not changed, such as a, b",
        "- 1,234 Git LFS pointers, which stand for large files that are not here, such as x, y, z, u, v",
    ] == told.split("\n")


@given(st.text() | st.lists(st.sampled_from(["1", "9" * 9, "\n", "\n\n", "a" * 300, "\r", "\u2028", " "])).map("".join))
def test_any_answer_is_bounded(answer):
    """Whatever the sandbox says, it is at most three lines of a length that has an end."""
    told = parse_survey(answer)

    assert told.count("\n") < 3
    assert len(told) < 3 * 700
