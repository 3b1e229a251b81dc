"""Patches that git applies to the very tree, that a page shows whole, and that bring unfinished work back."""

import os
import random
import re
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ai_dev.change import FILE_SIZE, TOTAL_SIZE, Change
from ai_dev.errors import ToolError
from ai_dev.leaks import Leaks
from ai_dev.objects import hash_object
from ai_dev.patch_file import restore, show_patch, write_patch
from ai_dev.policy import File, Policy
from ai_dev.workspace import REPOSITORY
from tests.workspaces import LINK, Git, open_workspace

SUBMODULE = "160000"


def make_file(path, old, new, *, known=True):
    """The file of a change from one content (data and mode, or None) to another; its base is known or not."""
    (was, old_mode), (data, mode) = old or (b"", ""), new or (b"", "")
    old_sha, sha = hash_object("blob", was) if old else "", hash_object("blob", data) if new else ""
    verb = "A" if not old else "M" if new else "D"
    return File(path, mode, sha, data, verb, was if known else b"", old_mode, old_sha)


def make_change(old, new, *, known=True, tree=""):
    """The change from some files to others."""
    old, new = plain(old), plain(new)
    changed = sorted(path for path in old | new if old.get(path) != new.get(path))
    return Change(tuple(make_file(p, old.get(p), new.get(p), known=known) for p in changed), tree, ())


def plain(files):
    """Contents with their modes."""
    return {path: c if isinstance(c, tuple) else (c, "100644") for path, c in files.items()}


@pytest.fixture(scope="module")
def git():
    """A repository for all patches: to make one takes longer than to apply a patch."""
    with tempfile.TemporaryDirectory(prefix="ai-dev-test-") as folder:
        yield Git(Path(folder) / "git")


def check_patch(git, old, new, patch):
    """Whether git makes of the old files with this patch the new ones, in its index and in its work tree."""
    git("read-tree", "--empty")
    git("clean", "-dffqx")
    wanted = git.stage(new)
    git.stage(old)
    git("checkout-index", "-a", "-u")
    if patch:
        git("apply", "--index", "--whitespace=nowarn", stdin=patch)
    assert wanted == git("write-tree").decode().strip()
    for path, (data, mode) in plain(new).items():
        assert mode == SUBMODULE or data == read(git.folder / path)
    assert b"" == git("ls-files", "--others")


def read(path):
    """What is in a file, or where a link leads to."""
    return os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()


NAMES = st.sampled_from(
    [
        *["a", "-f", "--", "a b", "a ", " b/a", 'q"uote', "it's", "ü/ß.txt", "日本", "😀", "dev/null", "a/dev/null", "b/a"],
        *["a/b", "a/b/c", "x b/x", "a/x b/a/x", "b/x", "/".join("abcdefgh"), "$(id)", "`tick`", "*", "[a]", "new file mode 100644"],
    ]
)  # fmt: skip
PATCH = (
    b"diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1,1 +1,1 @@\n-a\n+b\n\\ No newline at end of file\nGIT binary patch\n"
)
LINES = st.lists(
    st.sampled_from([b"a\n", b"b\n", b"\n", b"c\r\n", b"-- \n", b"--- a/x\n", b"+++ b/x\n", b" \t\n", b"@@ -1 +1 @@\n", PATCH])
    | st.integers(0, 30).map(lambda n: b"%d\n" % n),
    max_size=40,
)  # fmt: skip
TEXTS = st.tuples(LINES, st.sampled_from([b"", b"end", "ü€😀".encode(), b"\r", b"\\ No newline"])).map(
    lambda parts: b"".join(parts[0]) + parts[1]
)
DATA = TEXTS | st.binary(max_size=200) | st.sampled_from([b"", b"\0", b"\n", b"\xff\n", b"\r\n"])
MODES = st.sampled_from(["100644", "100755"])
FILE = st.tuples(DATA, MODES)
BEFORE = FILE | st.just((b"target", LINK)) | st.just((b"x", SUBMODULE))
EDITED = st.tuples(st.lists(st.tuples(LINES, LINES, LINES), max_size=4), TEXTS, MODES, MODES).map(
    lambda e: ((b"".join(map(edit(1), e[0])) + e[1], e[2]), (b"".join(map(edit(2), e[0])) + e[1], e[3]))
)
PAIRS = EDITED | st.tuples(st.none() | BEFORE, st.none() | FILE) | BEFORE.map(lambda file: (file, file))


def edit(side):
    """One side of lines that stay and lines that differ."""
    return lambda parts: b"".join(parts[0] + parts[side])


def make_tree(pairs, side):
    """The files on one side, as far as they can be in one tree."""
    files = {path: pair[side] for path, pair in pairs.items() if pair[side]}
    return {path: c for path, c in files.items() if not any(path.startswith(f"{other}/") for other in files)}


@settings(max_examples=50, deadline=None)
@given(pairs=st.dictionaries(NAMES, PAIRS, max_size=6), known=st.booleans())
def test_git_applies_it(git, pairs, known):
    """Whatever differs between two trees: git makes the one of the other, to the id, whether or not bases are known."""
    old, new = make_tree(pairs, 0), make_tree(pairs, 1)

    check_patch(git, old, new, write_patch(make_change(old, new, known=known)))


def test_it_reads_as_gits_own(git):
    """What people can read has the form that git gives it, in names, modes, hunks and ends of files."""
    lines = [b"%d\n" % i for i in range(40)]
    old = {"edited": b"".join(lines), "ü a": b"x", "mode": b"", "both": b"a\r\n", "filled": b"", "emptied": b"b\n"}
    edited = b"".join([b"first\n", *lines[:5], *lines[6:9], b"new\n", *lines[9:30], b"x\n", b"y\n", *lines[31:]])
    new = {"edited": edited + b"end", "ü a": b"x\n", "mode": (b"", "100755"), "both": (b"b\r\n", "100755")}
    new |= {"filled": b"1\n2\n", "emptied": b"", "added": b"one\n", 'q"': b""}

    patch = write_patch(make_change(old, new))

    trees = git.stage(old), git.stage(new)
    own = git("diff", "--full-index", "--no-renames", *trees)
    own = re.sub(rb"(?m)^(@@ .* @@).*", rb"\1", own)  # git names there the function that it takes the place to be in
    assert sorted(own.split(b"diff --git ")) == sorted(patch.split(b"diff --git "))


@pytest.mark.parametrize(
    "data",
    [b"\0", b"\xff", b"a\rb\n", b"\x1b[2K", "\u202e".encode(), "\u2028".encode(), "\x85".encode(), b"\x7f", b"\f"],
    ids=ascii,
)
def test_what_no_page_shows_is_packed(git, data):
    """Bytes that are no text, or that a page would show otherwise, are not in the patch as they are."""
    for old, new in ((b"a\n", data), (data, b"a\n")):
        patch = write_patch(make_change({"f": old}, {"f": new}))
        assert data not in patch
        assert b"GIT binary patch" in patch
        check_patch(git, {"f": old}, {"f": new}, patch)


def test_a_base_that_is_another_does_not_take_it(git):
    """What was made for one content is not put over another, also where the patch does not hold what was there."""
    patch = write_patch(make_change({"f": b"a\n"}, {"f": b"b\n"}, known=False))
    git.stage({"f": b"c\n"})

    git("apply", "--cached", stdin=patch, check=False)
    assert hash_object("blob", b"c\n") in git("ls-files", "-s").decode()


def test_nothing_is_an_empty_patch():
    """A change without files is a patch without bytes, and there is nothing to show."""
    assert (b"", "") == (write_patch(make_change({}, {})), show_patch(b"", 100))


HOSTILE = {
    "lines of one byte": (b"a\n" * (FILE_SIZE // 2), b"a\nb\n" * (FILE_SIZE // 4)),
    "lines in reverse": tuple(b"".join(b"%d\n" % i for i in order) for order in (range(99_999), range(99_999, 0, -1))),
    "lines in disorder": tuple(
        b"".join(b"%d\n" % i for i in random.Random(seed).sample(range(99_999), 99_999)) for seed in (1, 2)
    ),
    "one line": (b"x" * FILE_SIZE, b"y" * FILE_SIZE),
    "noise": (random.Random(1).randbytes(FILE_SIZE), random.Random(2).randbytes(FILE_SIZE)),
    "ticks": (b"", b"`" * FILE_SIZE),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_time_is_linear(git, kind):
    """As much as a change can hold becomes a patch, and a page, in seconds whatever is in it."""
    old, new = HOSTILE[kind]
    files = TOTAL_SIZE // FILE_SIZE
    change = make_change({f"{i}": old for i in range(files)}, {f"{i}": new for i in range(files)})
    began = time.process_time()

    patch = write_patch(change)
    shown = show_patch(patch, 900_000)

    assert time.process_time() - began < 8
    assert len(shown.encode()) < 902_000
    check_patch(git, {"0": old}, {"0": new}, write_patch(make_change({"0": old}, {"0": new})))


def test_many_files(git):
    """As many files as a commit can have, with as many bytes, become a patch that git applies."""
    data = {f"{i:03}": bytes([i]) * (TOTAL_SIZE // 100) for i in range(100)}
    check_patch(git, {}, data, write_patch(make_change({}, data)))


def show(files, limit=1 << 20):
    """The page that shows these new files, and the blocks of code that a reader of Markdown finds in it."""
    page = show_patch(write_patch(make_change({}, files)), limit)
    return page, MarkdownIt().parse(page)


@given(files=st.dictionaries(NAMES, st.text(st.sampled_from("`~\n >a\t<!-\r\u2028")) | st.text(), max_size=4))
def test_nothing_ends_the_block(files):
    """A page has the patch as one block of code, and nothing else."""
    files = {path: text.encode("utf-8", "replace") for path, text in files.items() if path not in ("a", "b/a", "a/b")}

    _, found = show(files)

    patch = write_patch(make_change({}, files)).decode()
    assert [patch.replace("\r\n", "\n")] * bool(files) == [token.content for token in found if token.type == "fence"]
    assert ["\r" in patch] * bool(files) == [len(found) > 1] * bool(files)


def test_a_page_is_cut_between_files(git):
    """Over the limit the block holds the files that fit, whole, and what it does not hold is named below it."""
    files = {"big": b"x\n" * 1000, "co`de.py": b"a\n", "z": (b"#!\n", "100755")}

    page, found = show(files, 600)

    assert ["fence", "paragraph_open", "inline", "paragraph_close"] == [token.type for token in found]
    assert "Too long to be shown here: `big`." == page.rpartition("\n\n")[2]
    check_patch(git, {}, {path: c for path, c in files.items() if path != "big"}, found[0].content.encode())
    assert "Too long to be shown here: `big`, `co'de.py`, `z`." == show(files, 10)[0]
    many = show({f"{i:02}": b"" for i in range(30)}, 10)[0]
    assert many.endswith("`08`, `09`, 20 more.")


def test_a_file_that_becomes_another_is_cut_whole():
    """A link that becomes a file is two parts of a patch, of which a page has both or none."""
    patch = write_patch(make_change({"f": (b"x", LINK)}, {"f": b"x\n" * 100}))

    assert 2 == patch.count(b"diff --git")
    assert "Too long to be shown here: `f`." == show_patch(patch, 300)


POLICY = Policy(Leaks.of([]))


@pytest.fixture
def move(sandboxes, directory):
    """Runs a script in a sandbox with these files, saves the change there and restores it in a fresh sandbox.

    Gives the change and the home of the fresh sandbox; ``before`` is run in that one first.
    """

    def run(files, script, before="true"):
        snapshot = Git(directory / "git").pack(files)
        workspace, tree = open_workspace(sandboxes, snapshot)
        do(workspace, script)
        change = Change.salvage(workspace, tree, POLICY)
        workspace.close()
        fresh, _ = open_workspace(sandboxes, snapshot)
        do(fresh, before)
        restore(fresh, change)
        assert change == Change.collect(fresh, tree, POLICY)
        assert "" == fresh.git("cat $GIT_DIR/info/attributes; ls $GIT_DIR/../index $GIT_DIR/../patch 2>/dev/null || :")
        home = sandboxes.sandboxes[fresh.id].home / "repository"
        for file in change.files:
            found = home / file.path
            assert (
                (file.data, file.mode) == (found.read_bytes(), find_mode(found)) if file.mode else not found.is_file()
            )
        return change, home

    return run


def find_mode(path):
    """The mode that git gives to a file."""
    return "100755" if path.stat().st_mode & 0o100 else "100644"


def do(workspace, script):
    """Run a script in the repository."""
    outcome = workspace.run(f"set -e; {script}", REPOSITORY, 60, lambda _: None)
    assert 0 == outcome.exit_code, outcome.output


ATTRIBUTES = b"* text=auto eol=crlf\n*.id ident\n*.x filter=x\n*.u16 working-tree-encoding=UTF-16LE\n"


def test_restored_is_what_was_saved(move):
    """Files, modes and deletions of all kinds are in a fresh sandbox as they were saved; nothing else has changed."""
    old = {"a b": b"1\n2\n", "gone/x": b"", "ü": b"x", "bin": b"\0\1", "same": b"same\n", "run": b"", "d/f": b"x"}
    change, home = move(
        old,
        r"""
        printf '1\n3' > 'a b'; rm -r gone d; printf x > d; mkdir -p new/er; printf '\0\377' > new/er/bin; chmod +x run ü
        printf '\0\2' > bin; echo > ./-f; printf 'a\r\nb\n' > crlf; printf 'a\rb' > cr; : > empty
        """,
    )

    assert {"a b", "gone/x", "ü", "bin", "run", "d/f", "d", "new/er/bin", "-f", "crlf", "cr", "empty"} == {
        file.path for file in change.files
    }
    assert b"same\n" == (home / "same").read_bytes()
    assert not (home / "gone").exists()


def test_attributes_do_not_change_what_is_restored(move):
    """What a repository says of line ends, keywords and filters has no part in it; its other files stay as they are."""
    old = {".gitattributes": ATTRIBUTES, "a.txt": b"1\n2\n", "b.id": b"$Id$\n", "c.x": b"c\n", "same": b"x\n"}
    change, home = move(
        old,
        r"""
        git config filter.x.smudge 'sed s/./smudged/'; git config filter.x.clean cat
        sed -i s/2/3/ a.txt; printf '4\n' >> a.txt; echo more >> b.id; echo x > c.x; printf '1\n' > lf.txt
        printf '$Id: mine $\n' > new.id; printf 'a\r\n\0' > binary
        """,
        before="git config filter.x.smudge 'touch /tmp/smudged; cat'; git config filter.x.required true",
    )

    assert {"a.txt": b"1\n3\n4\n", "lf.txt": b"1\n", "new.id": b"$Id$\n"}.items() <= {
        file.path: file.data for file in change.files
    }.items()
    assert b"x\r\n" == (home / "same").read_bytes()
    assert not (home.parents[2] / "tmp" / "smudged").exists()


def test_a_file_in_an_encoding_is_restored_in_it(sandboxes, directory):
    """A file that git keeps in another encoding than it has on disk is as it was on disk: git could not take it else."""
    snapshot = Git(directory / "git").pack({".gitattributes": ATTRIBUTES, "a.u16": b"1\n", "z": b""})
    workspace, tree = open_workspace(sandboxes, snapshot)
    do(workspace, r"printf '2\0\n\0' > a.u16")
    change = Change.salvage(workspace, tree, POLICY)
    assert b"2\n" == change.files[0].data
    fresh, _ = open_workspace(sandboxes, snapshot)

    restore(fresh, change)

    assert b"2\0\n\0" == fresh.read(f"{REPOSITORY}/a.u16", 100)
    assert change == Change.collect(fresh, tree, POLICY)


def test_links_are_not_followed(move):
    """A link where the base has one, or where something else made one, leads no file out of the repository."""
    change, home = move(
        {"out": (b"/tmp", LINK), "z": b""},
        "rm out; mkdir out in; echo 1 > out/f; echo 2 > in/g",
        before="ln -s /tmp in",
    )

    assert {"out": "", "out/f": "100644", "in/g": "100644"} == {file.path: file.mode for file in change.files}
    assert not (home / "in").is_symlink()
    assert not list((home.parents[2] / "tmp").glob("[fg]"))


def test_what_does_not_apply(sandboxes, directory):
    """Where the tree is another, git's words are the error, and nothing has changed."""
    workspace, _ = open_workspace(sandboxes, Git(directory / "git").pack({"a": b"1\n", "b": b""}))
    do(workspace, "git rev-parse HEAD")
    elsewhere = make_change({"a": b"2\n"}, {"a": b"3\n", "c": b""}, tree="0" * 40)

    with pytest.raises(ToolError, match=r"patch failed: a:1"):
        restore(workspace, elsewhere)
    with pytest.raises(ToolError, match=r"come out otherwise"):
        restore(workspace, make_change({}, {"c": b""}, tree="0" * 40))

    assert b"1\n" == workspace.read(f"{REPOSITORY}/a", 10)
    assert (0, "", "") == workspace.query("git status --porcelain")


def test_hooks_and_settings_of_the_repository_have_no_part(move):
    """What the sandbox's own git would run when files are written is not run."""
    change, home = move(
        {"a": b"1\n"},
        "echo 2 > a",
        before="printf '#!/bin/sh\ntouch /tmp/hooked' > .git/hooks/post-checkout; chmod +x .git/hooks/post-checkout;"
        "cp .git/hooks/post-checkout .git/hooks/post-index-change; git config core.fsmonitor 'touch /tmp/hooked'; git config apply.whitespace error-all",
    )

    assert 1 == len(change.files)
    assert not (home.parents[2] / "tmp" / "hooked").exists()


def test_nothing_to_restore():
    """A change without files needs no sandbox."""
    restore(None, make_change({}, {}))
