"""The tools that read and write files, and the plan, as the model sees them."""

from __future__ import annotations

from standins.openai import call
from tests.flows.tools import SILENT, ask, expected, sh, use
from tests.projects import CALCULATOR, FIX


def read(path, first_line=None, last_line=None):
    """A call of read_file."""
    return call("read_file", path=path, first_line=first_line, last_line=last_line)


def ls(path=".", depth=None):
    """A call of list_files."""
    return call("list_files", path=path, depth=depth)


def save(path, content="x\n"):
    """A call of save_content_to_file."""
    return call("save_content_to_file", path=path, content=content)


def test_list_files(stage, act):
    """Folders are listed in order, to the depth asked for, whatever the names; .git never is."""
    cases = {
        "setting the scene": (
            sh(
                "mkdir -p 'a b/c/d' empty && touch 'a b/c/d/e.txt' $'a b/new\\nline' $'a b/\\xff' 'a b/\"q\"' 'a b/é' -- -x"
                " && ln -s 'a b' link && ln -s nowhere broken && mkdir many && touch many/{1..1100}"
                " && mkdir long && touch long/$(printf x%.0s {1..200}){1..300}"
            ),
            SILENT,
        ),
        "the folder alone": (
            ls(depth=1),
            "-x\nREADME.md\na b/\nbroken -> nowhere\ncalculator.py\nempty/\nlink -> a b\nlong/\nmany/\ntest_calculator.py",
        ),
        "two levels by default": (ls("a b"), '"q"\nc/\nc/d/\nnew?line\né\n\ufffd'),
        "deeper": (ls("a b/c", 5), "d/\nd/e.txt"),
        "a linked folder": (ls("link", 1), '"q"\nc/\nnew?line\né\n\ufffd'),
        "an empty one": (ls("empty"), "The folder is empty."),
        "an absolute one": (ls("/home/user/repository/a b/c", 1), "d/"),
        "a missing one": (ls("src"), "Error: There is no folder src."),
        "a file": (ls("README.md"), "Error: There is no folder README.md."),
        "no path": (ls(" "), "Error: The path is empty or has a NUL character."),
        "a path with NUL": (ls("a\0b"), "Error: The path is empty or has a NUL character."),
        "silly depths": (ls("a b/c", -3), "d/"),
    }  # fmt: skip
    used = use(stage, act, *(asked for asked, _ in cases.values()), ls("many"), ls("long"))

    *answers, many, long = used.answers
    assert expected(cases) == dict(zip(cases, answers, strict=True))
    more = "[… there is more: list a folder further down, or less deep …]"
    assert (1001, more) == (len(many.splitlines()), many.splitlines()[-1])
    assert len(long.splitlines()) < 201
    assert more == long.splitlines()[-1]


def test_read_file(stage, act):
    """A file's lines are numbered, ranges are honoured, and what cannot be seen is said."""
    cases = {
        "setting the scene": (
            sh(
                r"printf 'a\nb\nc\n' >lines; printf 'a\nb' >open; : >empty; printf 'a\r\nb\r\n' >crlf; printf 'a\r\nb' >mixed;"
                r" printf '\n' >blank; printf 'x\0y' >binary; printf 'caf\351\n' >latin; printf 'é\t\f\033[31mred\n' >odd;"
                r" mkdir folder; ln -s lines link; ln -s nowhere broken; mkfifo pipe; touch secret; chmod 0 secret;"
                r" touch -- '-x y'"
            ),
            SILENT,
        ),
        "whole": (read("lines"), "1\ta\n2\tb\n3\tc"),
        "a range": (read("lines", 2, 2), "2\tb\n[The file has 3 lines.]"),
        "from a line": (read("lines", 2), "2\tb\n3\tc"),
        "to a line": (read("lines", None, 2), "1\ta\n2\tb\n[The file has 3 lines.]"),
        "further than the end": (read("lines", 3, 99), "3\tc"),
        "past the end": (read("lines", 4), "Error: lines has 3 lines; line 4 was asked for."),
        "backwards": (read("lines", 3, 2), "Error: The last line (2) is before the first (3)."),
        "lines below one": (read("lines", -5, 0), "1\ta\n2\tb\n3\tc"),
        "lines beyond reason": (read("lines", 10**40), "Error: lines has 3 lines; line 999,999,999 was asked for."),
        "no newline at the end": (read("open"), "1\ta\n2\tb\n[The file does not end with a newline.]"),
        "empty": (read("empty"), "empty is empty."),
        "one empty line": (read("blank"), "1\t"),
        "CRLF": (read("crlf"), "1\ta\n2\tb\n[Lines end with CRLF.]"),
        "CRLF and no newline at the end": (
            read("mixed"),
            "1\ta\n2\tb\n[The file does not end with a newline.]\n[Lines end with CRLF.]",
        ),
        "binary": (read("binary"), "Error: binary is a binary file: it has no text to show."),
        "not UTF-8": (
            read("latin"),
            "1\tcaf\ufffd\n[Bytes that are not UTF-8 are shown as \ufffd: edit this file with apply_patch or a command.]",
        ),
        "escapes": (read("odd"), "1\té\tred"),
        "a link": (read("link"), "1\ta\n2\tb\n3\tc"),
        "a broken link": (read("broken"), "Error: broken does not exist."),
        "a folder": (read("folder"), "Error: folder is a folder: use list_files."),
        "a pipe": (read("pipe"), "Error: pipe is no ordinary file."),
        "not ours to read": (read("secret"), "Error: secret may not be read by this user."),
        "missing": (read("nothing"), "Error: nothing does not exist."),
        "a name that looks like an option": (read("-x y"), "-x y is empty."),
        "outside the repository": (read("/etc/group"), "1\troot:x:0:\n2\tuser:x:1000:"),
    }
    assert expected(cases) == ask(stage, act, cases)


def test_read_long_file(stage, act):
    """Of a long file as much is shown as an answer can hold, cut between lines, and the way to go on is said."""
    used = use(
        stage,
        act,
        sh(
            "yes 0123456789 | head -n 20000000 >huge; seq 100000 >short-lines; head -c 100000 /dev/zero | tr '\\0' x >long-line;"
            r" printf '\nend\n' >>long-line; head -c 20000 /dev/zero | tr '\0' '\377' >bytes; printf '\nend' >>bytes"
        ),
        read("huge"),
        read("huge", 19_999_999),
        read("short-lines"),
        read("short-lines", 5_000),
        read("long-line"),
        read("long-line", 2),
        read("bytes"),
    )

    _, huge, end, short, later, long, after, odd = used.answers
    assert huge.startswith("1\t0123456789\n2\t0123456789\n")
    assert "[… cut after line 2,319 of 20,000,000: read on with first_line=2320 …]" == huge.splitlines()[-1]
    assert "19999999\t0123456789\n20000000\t0123456789" == end
    for answer in (short, later):
        *lines, note = answer.splitlines()
        assert [line.split("\t")[0] for line in lines] == [line.split("\t")[1] for line in lines]
        last = int(lines[-1].split("\t")[0])
        assert f"[… cut after line {last:,} of 100,000: read on with first_line={last + 1} …]" == note
    assert "5000\t5000" == later.splitlines()[0]
    assert long.endswith("x [… this line goes on …]\n[… cut after line 1 of 2: read on with first_line=2 …]")
    assert "2\tend" == after
    assert "[… this line goes on …]\n[… cut after line 1 of 2: read on with first_line=2 …]" in odd
    assert all(30_000 < len(answer.encode()) < 40_000 for answer in (huge, short, later, long, odd))


def test_create_directory(stage, act):
    """Folders are created with those above them, inside the repository only."""
    cases = {
        "deep": (
            call("create_directory", path="a b/c/d"),
            "Created a b/c/d. git keeps no empty folder: it is committed once it holds a file.",
        ),
        "there already": (
            call("create_directory", path="a b"),
            "Created a b. git keeps no empty folder: it is committed once it holds a file.",
        ),
        "a file is in the way": (
            call("create_directory", path="README.md/x"),
            "Error: The folder cannot be created: mkdir: cannot create directory \u2018/home/user/repository/README.md\u2019: Not a directory",
        ),
        "outside": (
            call("create_directory", path="../x"),
            "Error: ../x is outside the repository (/home/user/repository).",
        ),
        "in .git": (
            call("create_directory", path=".git/hooks/x"),
            "Error: The .git folder is git's own: use git commands.",
        ),
        "it is there": (sh("find 'a b'"), "Exit code 0 after N s. Output:\n\na b\na b/c\na b/c/d\n"),
    }
    assert expected(cases) == ask(stage, act, cases)


def test_save_content_to_file(stage, act):
    """A file is written as given, with the folders above it, in the repository or in /tmp and nowhere else."""
    outside = "is outside the repository (/home/user/repository)."
    cases = {
        "new": (save("new.txt", "a\nb\n"), "Saved new.txt: 4 bytes, 2 newlines."),
        "deep, with odd names": (save("x y/é/\"q'.txt", "ü😀\r\n\t"), "Saved x y/é/\"q'.txt: 9 bytes, 1 newlines."),
        "in place of another": (save("README.md", ""), "Saved README.md: 0 bytes, 0 newlines."),
        "in /tmp": (save("/tmp/a/b"), "Saved /tmp/a/b: 2 bytes, 1 newlines."),
        "above the repository": (save("../../etc/passwd"), f"Error: ../../etc/passwd {outside}"),
        "past a folder": (save("a/../../x"), f"Error: a/../../x {outside}"),
        "through /tmp": (save("/tmp/../etc/x"), f"Error: /tmp/../etc/x {outside}"),
        "beside the repository": (save("/home/user/repository2/x"), f"Error: /home/user/repository2/x {outside}"),
        "in .git": (save("./.git/config"), "Error: The .git folder is git's own: use git commands."),
        "the repository itself": (save("."), f"Error: . {outside}"),
        "a folder": (save("x y"), "Error: Could not write /home/user/repository/x y: is a directory."),
        "below a file": (
            save("calculator.py/x"),
            "Error: Could not write /home/user/repository/calculator.py/x: File exists.",
        ),
        "a name too long": (save("n" * 300), f"Error: Could not write /home/user/repository/{'n' * 300}: File name too long."),
        "what is there": (
            sh("cat new.txt /tmp/a/b; od -An -tx1 x*/é/*; wc -c < README.md"),
            "Exit code 0 after N s. Output:\n\na\nb\nx\n c3 bc f0 9f 98 80 0d 0a 09\n0\n",
        ),
    }  # fmt: skip
    assert expected(cases) == ask(stage, act, cases)


def test_update_plan(stage, act):
    """The plan is shown in the log; one that makes no sense is refused."""
    steps = [{"step": f"step {i}\n::error::", "status": "pending"} for i in range(21)]
    busy = [{"step": "a", "status": "in_progress"}, {"step": "b", "status": "in_progress"}]
    plan = [{"step": "Read", "status": "completed"}, {"step": "Fix\n::error::x", "status": "in_progress"}, {"step": "Test", "status": "pending"}]  # fmt: skip
    used = use(
        stage,
        act,
        call("update_plan", steps=plan),
        call("update_plan", steps=busy),
        call("update_plan", steps=steps),
        call("update_plan", steps=[{"step": "a", "status": "done"}]),
        call("update_plan", steps=[]),
    )

    shown, *refused, unknown, empty = used.answers
    assert "The plan is shown." == shown == empty
    assert [
        "Error: More than one step is in progress; at most one may be.",
        "Error: A plan has at most 20 steps.",
    ] == refused
    assert (
        "The arguments of update_plan cannot be read. steps.0.status: Input should be 'pending', 'in_progress' or 'completed'"
        == unknown
    )
    assert "│ ☑ Read\n│ ▷ Fix\n│ ::error::x\n│ ☐ Test\n" in used.result.log


def test_files_reach_the_pull_request(stage, act):
    """What the file tools wrote is what is delivered."""
    used = use(
        stage,
        act,
        call("apply_patch", patch=FIX),
        save("docs/ü b.md", "# Ü\n"),
        call("create_directory", path="empty"),
    )

    assert "opened" == used.result.outputs["status"]
    head = "ai-dev/issue-1"
    assert "calculator.py\ndocs/ü b.md\n" == stage.repository.git(
        "-c", "core.quotepath=off", "diff", "--name-only", "main", head
    )
    assert CALCULATOR["calculator.py"].replace("a - b", "a + b") == stage.repository.git(
        "show", f"{head}:calculator.py"
    )
    assert "# Ü\n" == stage.repository.git("show", f"{head}:docs/ü b.md")
