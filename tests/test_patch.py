"""The patch format: text -> operations -> new contents."""

from __future__ import annotations

import difflib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_dev.errors import ToolError
from ai_dev.tools.patch import parse, update


def apply(text: str, *lines: str) -> str:
    """The text after a patch with these lines for it."""
    (operation,) = parse("\n".join(["*** Begin Patch", "*** Update File: a", *lines, "*** End Patch"]))
    return update(text, operation)


UPDATES = {
    "a line in the middle": ("a\nb\nc\n", ["@@", " a", "-b", "+B", " c"], "a\nB\nc\n"),
    "no @@ before the first hunk": ("a\nb\n", ["-b", "+B"], "a\nB\n"),
    "two hunks": ("a\nb\nc\nd\n", ["@@", "-a", "+A", "@@", "-d", "+D"], "A\nb\nc\nD\n"),
    "hunks out of order": ("a\nb\n", ["@@", "-b", "+B", "@@", "-a", "+A"], "A\nB\n"),
    "the same lines twice": ("x\n1\nx\n2\n", ["@@", "-x", "+y", "@@", "-x", "+z"], "y\n1\nz\n2\n"),
    "a header picks the place": ("def f:\n  x\ndef g:\n  x\n", ["@@ def g:", "-  x", "+  y"], "def f:\n  x\ndef g:\n  y\n"),
    "a header with @@ on both sides": ("f\nx\ng\nx\n", ["@@ g @@", "-x", "+y"], "f\nx\ng\ny\n"),
    "two headers": ("c\nf\nx\nd\nf\nx\n", ["@@ d", "@@ f", "-x", "+y"], "c\nf\nx\nd\nf\ny\n"),
    "a header above the hunk before": ("f\nx\ng\ny\n", ["@@ g", "-y", "+Y", "@@ f", "-x", "+X"], "f\nX\ng\nY\n"),
    "a header that is not there, and one place": ("f(a)\nx\n", ["@@ f()", "-x", "+y"], "f(a)\ny\n"),
    "line numbers and a header": ("x\ng\nx\n", ["@@ -2,1 +2,1 @@ g", "-x", "+y"], "x\ng\ny\n"),
    "line numbers as a header": ("a\nb\n", ["@@ -1,2 +1,2 @@", " a", "-b", "+B"], "a\nB\n"),
    "insertion behind a header": ("a\nb\n", ["@@ a", "+new"], "a\nnew\nb\n"),
    "insertion without a place": ("a\n", ["@@", "+b"], "a\nb\n"),
    "insertion into an empty file": ("", ["@@", "+a", "+b"], "a\nb\n"),
    "deletion of everything": ("a\nb\n", ["@@", "-a", "-b"], ""),
    "the end of the file": ("x\na\nx\n", ["@@", "-x", "+y", "*** End of File"], "x\na\ny\n"),
    "trailing blanks differ": ("a  \nb\t\nc\n", ["@@", " a", "-b", "+B"], "a  \nB\nc\n"),
    "indentation differs": ("\ta\n\tb\n", ["@@", " a", "-b", "+\tB"], "\ta\n\tB\n"),
    "invisible characters differ": ("\ufeffa\nb\u200d\n", ["@@", " a", "-b", "+B"], "\ufeffa\nB\n"),
    "an exact match wins over a near one": (" x\nx\n", ["@@", "-x", "+y"], " x\ny\n"),
    "blank context without its blank": ("a\n\nb\n", ["@@", " a", "", "-b", "+B"], "a\n\nB\n"),
    "an empty line behind the hunk": ("a\nb\n", ["@@", "-a", "+A", ""], "A\nb\n"),
    "an empty line between hunks": ("a\nb\n", ["@@", "-a", "+A", "", "@@", "-b", "+B"], "A\nB\n"),
    "a hunk that is empty": ("a", ["@@"], "a"),
    "context that looks like a mark": ("*** End Patch\n-x\n", ["@@", " *** End Patch", "--x", "++x"], "*** End Patch\n+x\n"),
    "CRLF is kept and taken": ("a\r\nb\r\nc\r\n", ["@@", " a", "-b", "+B", "+2"], "a\r\nB\r\n2\r\nc\r\n"),
    "mixed line ends stay": ("a\r\nb\nc\n", ["@@", " a", "-b", "+B", " c"], "a\r\nB\nc\n"),
    "a removed twin leaves its line end": ("a\r\nb\na\n", ["@@", "-a", " b", " a"], "b\na\n"),
    "no last newline, last line changed": ("a\nb", ["@@", "-b", "+B"], "a\nB"),
    "no last newline, line added behind": ("a\nb", ["@@", " b", "+c"], "a\nb\nc"),
    "no last newline, last line removed": ("a\nb", ["@@", " a", "-b"], "a\n"),
    "no last newline, other line changed": ("a\nb", ["@@", "-a", "+A"], "A\nb"),
    "no last newline, insertion without a place": ("a", ["@@", "+b"], "a\nb\n"),
    "no last newline, empty line behind the hunk": ("a", ["@@", "-a", "+A", ""], "A"),
    "form feed and other breaks are no line ends": ("a\x0cb\u2028c\nd\n", ["@@", "-d", "+D"], "a\x0cb\u2028c\nD\n"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "lines", "expected"), UPDATES.values(), ids=UPDATES.keys())
def test_update(text, lines, expected):
    """A hunk changes what it names and nothing else."""
    assert expected == apply(text, *lines)


MALFORMED = {
    "nothing": ("", "A patch starts with the line '*** Begin Patch'"),
    "no begin": ("*** Update File: a\n-x\n*** End Patch", "A patch starts with the line '*** Begin Patch'"),
    "no end": ("*** Begin Patch\n*** Delete File: a", "ends with the line '*** End Patch'"),
    "cut off": ("*** Begin Patch\n*** Update File: a\n@@\n-x\n+", "ends with the line '*** End Patch'"),
    "a fence around it": ("```\n*** Begin Patch\n*** End Patch\n```", "A patch starts with the line"),
    "empty": ("*** Begin Patch\n*** End Patch", "The patch is empty."),
    "a unified diff": ("--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y", "A patch starts with the line '*** Begin Patch'"),
    "a unified diff inside": ("*** Begin Patch\n--- a\n+++ b\n*** End Patch", "Line 2 of the patch does not belong there: '--- a'"),
    "lines before any file": ("*** Begin Patch\n+x\n*** End Patch", "Line 2 of the patch does not belong there: '+x'"),
    "added lines without plus": ("*** Begin Patch\n*** Add File: a\nx\n*** End Patch", "Line 3 of the patch does not belong there: 'x'"),
    "lines of a deleted file": ("*** Begin Patch\n*** Delete File: a\n-x\n*** End Patch", "Line 3 of the patch does not belong there: '-x'"),
    "an update of nothing": ("*** Begin Patch\n*** Update File: a\n*** End Patch", "The patch updates a and has no lines for it."),
    "an unmarked line": ("*** Begin Patch\n*** Update File: a\n@@\n-x\ny\n*** End Patch", "Line 5 of the patch does not belong there: 'y'"),
    "an unknown operation": ("*** Begin Patch\n*** Copy File: a\n*** End Patch", "Line 2 of the patch does not belong there: '*** Copy File: a'"),
    "a move behind a hunk": ("*** Begin Patch\n*** Update File: a\n@@\n-x\n*** Move to: b\n*** End Patch", "Line 5 of the patch does not belong there: '*** Move to: b'"),
}  # fmt: skip


@pytest.mark.parametrize(("patch", "expected"), MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed(patch, expected):
    """A patch that cannot be read is answered with the first line that is wrong, and what belongs there."""
    with pytest.raises(ToolError, match=re.escape(expected)):
        parse(patch)


MISFITS = {
    "lines that are not there": ("a\n", ["@@", " q", "-b"], "Hunk 1 does not fit a: these lines are not in the file (read it again):\nq\nb"),
    "the second hunk": ("a\n", ["@@", "-a", "+A", "@@", "-a"], "Hunk 2 does not fit a"),
    "lines that differ later": ("q\na\nc\n", ["@@", " a", "-b"], "Its first line stands at line 2; the lines behind it differ."),
    "a header that is not there, and two places": ("f\nx\ng\nx\n", ["@@ h", "-x", "+y"], "Hunk 1 fits a in several places, and no line is 'h'."),
    "an insertion behind a header that is not there": ("f\n", ["@@ h", "+y"], "Hunk 1 fits a in several places, and no line is 'h'."),
    "lines that are not at the end": ("a\nb\n", ["@@", "-a", "*** End of File"], "these lines are not at the end of the file"),
    "more lines than the file has": ("a\n", ["@@", " a", "-b", "*** End of File"], "Hunk 1 does not fit a"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "lines", "expected"), MISFITS.values(), ids=MISFITS.keys())
def test_misfit(text, lines, expected):
    """A hunk whose lines are not in the file is answered with those lines and where they nearly are."""
    with pytest.raises(ToolError, match=re.escape(expected)):
        apply(text, *lines)


def test_added_files():
    """Empty lines between added lines are lines of the file; those before the next operation are not."""
    patch = "*** Begin Patch\n*** Add File: a\n+x\n\n+y\n+\n\n*** Add File: b\n\n*** Delete File: c\n\n*** End Patch\n"

    operations = parse(patch)

    expected = [("add", "a", ["x", "", "y", ""]), ("add", "b", []), ("delete", "c", [])]
    assert expected == [(o.kind, o.path, o.lines) for o in operations]


def test_patch_with_crlf():
    """A patch whose own lines end with CRLF is read like any other."""
    (operation,) = parse("*** Begin Patch\r\n*** Update File: a\r\n@@\r\n-x\r\n+y\r\n*** End Patch\r\n")

    assert "y\n" == update("x\n", operation)


LINE = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=8)
TEXT = st.lists(st.tuples(LINE, st.sampled_from(["\n", "\r\n"])), max_size=12)


@st.composite
def edits(draw) -> tuple[list[str], list[tuple[str, str]]]:
    """A file's lines with their line ends, the last perhaps without, and marked lines that edit all of it."""
    lines = [line + end for line, end in draw(TEXT)]
    if lines and draw(st.booleans()) and lines[-1].rstrip("\r\n"):
        lines[-1] = lines[-1].rstrip("\r\n")
    marked = []
    for line in lines:
        marked += [("+", new) for new in draw(st.lists(LINE.filter(bool), max_size=2))]
        marked.append((draw(st.sampled_from(" -")), line))
    return lines, marked + [("+", new) for new in draw(st.lists(LINE.filter(bool), max_size=2))]


@settings(max_examples=100, deadline=None)
@given(edits())
def test_any_edit_of_a_whole_file(edit):
    """Whatever is edited, the lines that stay are byte-identical and those that come are there, in order."""
    lines, marked = edit
    result = apply("".join(lines), "@@", *(mark + line.rstrip("\r\n") for mark, line in marked))

    kept = [(mark, line) for mark, line in marked if mark != "-"]
    found = re.findall(r"[^\n]*\n|[^\n]+", result)
    assert [line.rstrip("\r\n") for _, line in kept] == [line.rstrip("\r\n") for line in found]
    for i, ((mark, line), there) in enumerate(zip(kept, found, strict=True)):
        if mark == " " and (line.endswith("\n") or i == len(found) - 1):
            assert line == there


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_any_edit_as_a_diff(data):
    """Any change between two texts of distinct lines, written as a patch with three lines of context, gives the second."""
    old = [f"{i} {data.draw(LINE)}\n" for i in range(data.draw(st.integers(0, 40)))]
    new = []
    for i, line in enumerate(old):
        new += [f"new {i} {j} {text}\n" for j, text in enumerate(data.draw(st.lists(LINE, max_size=1)))]
        new += [line] if data.draw(st.integers(0, 4)) else []
    new += [f"last {text}\n" for text in data.draw(st.lists(LINE, max_size=1))]
    diff = list(difflib.unified_diff(old, new, n=3))[2:]

    result = apply("".join(old), *(line.removesuffix("\n") for line in diff or ["@@"]))

    assert "".join(new) == result


def test_large_file():
    """Forty hunks fit a file of 20,000 lines at once, the last one too."""
    text = "".join(f"    line {i}\n" for i in range(20_000))
    hunks = [part for i in range(100, 20_000, 500) for part in ("@@", f" line {i - 1}", f"-line {i}", f"+LINE {i}")]

    result = apply(text, *hunks)

    assert 40 == result.count("LINE")
