"""The tool apply_patch, as the model sees it."""

from __future__ import annotations

from standins.openai import call
from tests.flows.tools import SILENT, ask, expected, sh, use


def patch(*lines):
    """A call of apply_patch with these lines between its first and its last."""
    return call("apply_patch", patch="\n".join(["*** Begin Patch", *lines, "*** End Patch"]))


def test_apply_patch(stage, act):
    """A patch adds, changes, moves and deletes several files at once, and keeps what it does not name byte for byte."""
    used = use(
        stage,
        act,
        sh(r"printf 'a\r\nb\r\n' >crlf; printf 'a\nb' >open; printf 'caf\351\nb\n\377' >latin; printf 'b' >x.sh; chmod +x x.sh"),
        patch(
            "*** Update File: crlf", "@@", " a", "-b", "+B", "+c",
            "*** Update File: open", "@@", "-b", "+c",
            "*** Update File: latin", "@@", "-b", "+B",
            "*** Update File: x.sh", "-b", "+c",
            "*** Add File: new folder/ü.txt", "+ü", "+",
            "*** Delete File: README.md",
            "*** Update File: test_calculator.py", "*** Move to: tests/test_calculator.py", "@@", "-import unittest", "+import unittest as u",
            "*** Update File: calculator.py", "*** Move to: sums.py",
        ),
        sh("od -An -c crlf open latin x.sh; test -x x.sh; cat new*/*; head -n1 tests/*; git status --short"),
    )  # fmt: skip

    done = (
        "Done:\nM crlf\nM open\nM latin\nM x.sh\nA new folder/ü.txt\nD README.md\n"
        "M test_calculator.py -> tests/test_calculator.py\nM calculator.py -> sums.py"
    )
    there = (
        "Exit code 0 after N s. Output:\n\n"
        "   a  \\r  \\n   B  \\r  \\n   c  \\r  \\n   a  \\n   c   c   a   f 351\n  \\n   B  \\n 377   c\nü\n\nimport unittest as u\n"
        ' D README.md\n D calculator.py\n D test_calculator.py\n?? crlf\n?? latin\n?? "new folder/"\n?? open\n?? sums.py\n?? tests/\n?? x.sh\n'
    )  # fmt: skip
    assert [done, there] == used.answers[1:]


def test_apply_patch_in_order(stage, act):
    """Operations of one patch on the same file see each other."""
    cases = {
        "add, then update": (
            patch("*** Add File: n", "+a", "*** Update File: n", "-a", "+b"), "Done:\nA n\nM n"
        ),
        "add, then delete": (patch("*** Add File: gone", "+a", "*** Delete File: gone"), "Done:\nA gone\nD gone"),
        "delete, then add": (patch("*** Delete File: README.md", "*** Add File: README.md", "+new"), "Done:\nD README.md\nA README.md"),
        "delete, then update": (
            patch("*** Delete File: README.md", "*** Update File: README.md", "-new"),
            "Error: README.md is deleted earlier in this patch.",
        ),
        "what is there": (sh("cat n README.md; ls gone"), "Exit code 2 after N s. Output:\n\nb\nnew\nls: cannot access 'gone': No such file or directory\n"),
    }  # fmt: skip
    assert expected(cases) == ask(stage, act, cases)


def test_apply_patch_all_or_nothing(stage, act):
    """When any part of a patch cannot be done, nothing is, and the answer says which part and why."""
    first = ("*** Add File: first", "+x")
    outside = "is outside the repository (/home/user/repository)."
    cases = {
        "a hunk does not fit": (
            patch(*first, "*** Update File: calculator.py", "@@", "-    return a * b"),
            "Error: Hunk 1 does not fit calculator.py: these lines are not in the file (read it again):\n    return a * b",
        ),
        "a missing file": (
            patch(*first, "*** Update File: nothing", "-x"),
            "Error: Could not read /home/user/repository/nothing: there is no such file.",
        ),
        "a missing file to delete": (
            patch(*first, "*** Delete File: nothing"),
            "Error: Could not read /home/user/repository/nothing: there is no such file.",
        ),
        "a folder to update": (
            patch(*first, "*** Update File: .", "-x"),
            f"Error: . {outside}",
        ),
        "outside": (patch(*first, "*** Add File: ../x", "+x"), f"Error: ../x {outside}"),
        "moved outside": (
            patch(*first, "*** Update File: README.md", "*** Move to: /etc/motd"), f"Error: /etc/motd {outside}"
        ),
        "in .git": (
            patch(*first, "*** Add File: .git/hooks/pre-commit", "+x"),
            "Error: The .git folder is git's own: use git commands.",
        ),
        "no path": (patch(*first, "*** Add File:  ", "+x"), "Error: The path is empty or has a NUL character."),
        "below a file": (
            patch(*first, "*** Add File: README.md/x", "+x"),
            "Error: Nothing was changed: /home/user/repository/README.md is no folder.",
        ),
        "in place of a folder": (
            patch(*first, "*** Add File: .git/../folder", "+x"),
            "Error: Nothing was changed: /home/user/repository/folder is a folder.",
        ),
        "not in the form": (
            call("apply_patch", patch="--- a/x\n+++ b/x\n"),
            "Error: A patch starts with the line '*** Begin Patch' and ends with the line '*** End Patch'.",
        ),
        "a large file": (
            patch(*first, "*** Update File: /tmp/large", "-x"),
            "Error: /tmp/large has more than 4,194,304 bytes.",
        ),
    }  # fmt: skip
    used = use(
        stage,
        act,
        sh("mkdir folder; head -c 5M /dev/zero >/tmp/large"),
        *(asked for asked, _ in cases.values()),
        sh("git status --short"),
    )

    assert expected(cases) == dict(zip(cases, used.answers[1:-1], strict=True))
    assert SILENT == used.answer
