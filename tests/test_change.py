"""What a sandbox may say of a change, and what is believed of it."""

import base64
import shlex
import time
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dev.change import FILE_SIZE, FILES, TOTAL_SIZE, Change, _read_entries
from ai_dev.errors import Blocked, ToolError
from ai_dev.leaks import Leaks
from ai_dev.objects import hash_object
from ai_dev.policy import File, Policy, show
from tests.workspaces import Git, open_workspace

ZERO = "0" * 40
SECRET = "ghs_canary_0123456789_canary_9876543210"
POLICY = Policy(Leaks.of([SECRET]), (".github/workflows/ci.yml",))


def hash_blob(data):
    """The id that git gives to these bytes."""
    return hash_object("blob", data)


def plant(files):
    """The objects of a tree of these files (path -> data, or data and mode), by what git calls them, and its id."""
    objects, entries = {}, {}
    for path, content in files.items():
        data, mode = content if isinstance(content, tuple) else (content, "100644")
        head, _, rest = path.partition("/")
        if rest:
            entries.setdefault(head, {})[rest] = content
        else:
            entries[head] = (mode, hash_blob(data))
            objects[head] = ("blob", data)
    listed = []
    for name, entry in sorted(entries.items()):
        if isinstance(entry, dict):
            inner, sha = plant(entry)
            objects |= {f"{name}/{path}".rstrip("/"): thing for path, thing in inner.items()}
            mode = "40000"
        else:
            mode, sha = entry
        listed.append(f"{mode} {name}\0".encode("utf-8", "surrogateescape") + bytes.fromhex(sha))
    data = b"".join(listed)
    return objects | {"": ("tree", data)}, hash_object("tree", data)


@dataclass
class Claims:
    """A sandbox that says what it is told to; stands where the workspace does.

    It holds the trees of ``old`` and ``new``, and says that they differ as they do unless it is given a ``listing``.
    """

    new: dict = field(default_factory=dict)
    old: dict = field(default_factory=dict)
    listing: bytes | None = None
    lies: dict[str, bytes] = field(default_factory=dict)
    """What it sends under which name, whatever that is."""
    size: str | None = None
    objects: str | None = None
    errors: str = ""
    ignored: str = ""
    answer: str | None = None
    """All that it prints, instead."""
    sent: bytes = b""

    def __post_init__(self):
        self.trees = [plant(self.old), plant(self.new)]

    @property
    def tree(self):
        """The id of the old tree."""
        return self.trees[0][1]

    def git(self, script):
        """Answer the listing; keep what ``cat-file --batch`` answers to the names in a script."""
        if "cat-file --batch >" in script:
            self.sent = b"".join(map(self._send, shlex.split(script)[2].splitlines()))
            return ""
        blobs = {
            hash_blob(data): data for objects, _ in self.trees for kind, data in objects.values() if kind == "blob"
        }
        listing = self._list() if self.listing is None else self.listing
        size = str(len(listing)) if self.size is None else self.size
        objects = "".join(f"{sha} blob {len(data)}," for sha, data in blobs.items())
        told = objects if self.objects is None else self.objects
        marks = str(listing.count(b"\0"))
        lines = [self.trees[1][1], size, marks, base64.b64encode(listing).decode(), told, self.errors, self.ignored]
        return "\n".join(lines) if self.answer is None else self.answer

    def read(self, _path, limit):
        """What was kept."""
        if len(self.sent) > limit:
            raise ToolError("too large")
        return self.sent

    def _list(self):
        before, after = (
            {p: c if isinstance(c, tuple) else (c, "100644") for p, c in f.items()} for f in (self.old, self.new)
        )
        changed = [path for path in sorted(before | after) if before.get(path) != after.get(path)]
        return b"".join(entry(path, before.get(path), after.get(path)) for path in changed)

    def _send(self, name):
        if name in self.lies:
            return self.lies[name]
        tree, _, path = name.partition(":")
        for objects, sha in self.trees:
            if sha == tree and path in objects:
                kind, data = objects[path]
                return f"{hash_object(kind, data)} {kind} {len(data)}\n".encode() + data + b"\n"
            for kind, data in objects.values():
                if name == hash_object(kind, data):
                    return f"{name} {kind} {len(data)}\n".encode() + data + b"\n"
        return f"{name} missing\n".encode()


def entry(path, before, after):
    """One entry of git's listing; each side is data and mode, or None."""
    ids = [
        (f"{mode} ", hash_blob(data)) if side else ("000000 ", ZERO)
        for side in (before, after)
        for data, mode in [side or (b"", "")]
    ]
    verb = "D" if after is None else "A" if before is None else "M"
    head = f":{ids[0][0]}{ids[1][0]}{ids[0][1]} {ids[1][1]} {verb}\0"
    return head.encode() + path.encode("utf-8", "surrogateescape") + b"\0"


def collect(workspace, policy=POLICY):
    """The change that the sandbox claims."""
    return Change.collect(workspace, workspace.tree, policy)


def refusal(workspace):
    """The words of the refusal."""
    with pytest.raises(ToolError) as raised:
        collect(workspace)
    return str(raised.value)


def test_change_is_what_was_listed():
    """Contents, modes, bases and deletions come out as they are, with the tree that they must make."""
    old = {"a.py": b"before\n", "c": b"gone", "x/y": b"kept"}
    workspace = Claims(
        {"a.py": b"a\n", "b ü": (b"\0\xff", "100755"), "x/y": b"kept", "x/z": b"z"}, old, ignored="build/\nx.pyc\n"
    )

    change = collect(workspace)

    assert (
        File("a.py", "100644", hash_blob(b"a\n"), b"a\n", "M", b"before\n", "100644", hash_blob(b"before\n")),
        File("b ü", "100755", hash_blob(b"\0\xff"), b"\0\xff", "A"),
        File("c", "", "", b"", "D", b"", "100644", hash_blob(b"gone")),
        File("x/z", "100644", hash_blob(b"z"), b"z", "A"),
    ) == change.files
    assert (workspace.trees[1][1], ("build/", "x.pyc")) == (change.tree, change.ignored)


def test_nothing_changed():
    """A listing without entries is a change without files."""
    assert () == collect(Claims()).files


@given(
    st.binary()
    | st.lists(st.sampled_from([b":100644 ", b"100644 ", b"1" * 40, b" ", b"M", b"\0", b"a", b"R100"])).map(b"".join)
)
def test_any_listing_is_read_or_refused(listing):
    """Hostile bytes in place of a listing are entries or a ValueError, nothing else."""
    try:
        entries = _read_entries(listing)
    except ValueError:
        return

    assert len(entries) == listing.count(b"\0") // 2
    assert all(len(e.sha) in (0, 40) and len(e.mode) in (0, 6) for e in entries)


@given(st.lists(st.tuples(st.text(st.characters(exclude_characters="\0")), st.sampled_from("AMDTU")), max_size=5))
def test_listing_keeps_names_byte_for_byte(files):
    """Names of any bytes come out of the listing as they went in."""
    listing = b"".join(
        f":100644 100755 {'1' * 40} {'2' * 40} {verb}\0".encode() + name.encode("utf-8", "surrogatepass") + b"\0"
        for name, verb in files
    )

    names = [e.path.encode("utf-8", "surrogateescape") for e in _read_entries(listing)]
    assert [name.encode("utf-8", "surrogatepass") for name, _ in files] == names


@pytest.mark.parametrize(
    ("mode", "said"),
    [("120000", "symbolic link"), ("160000", "submodule"), ("100664", "special file"), ("040000", "special file")],
)
def test_modes(mode, said):
    """Only ordinary files may be committed."""
    assert f"link: it is a {said}" in refusal(Claims({"link": (b"/etc/passwd", mode)}))


def test_every_reason_is_told():
    """A commit is refused as a whole, with all that is wrong in it, names shown on one line."""
    files = {"a\n::x": b"1", "ok": b"2", ".git/b": b"3", "big": b"x" * (FILE_SIZE + 1), "bidi": b"\n\xe2\x80\xae"}

    lines = refusal(Claims(files | {"README": b"", "ReadMe": b""})).split("\n")

    told = [
        ".git folder",
        "a ::x: its name has control",
        "big: it has 1,048,577",
        "README: README and ReadMe are one name",
    ]
    told += ["ReadMe: ReadMe and README are one name", "bidi: line 2 has characters that turn"]
    assert len(told) == len(lines) - 1
    assert [True] * len(told) == [f"{words}" in line for words, line in zip(told, lines[1:], strict=True)]


def test_many_reasons_are_cut():
    """A refusal that would be endless says how much more there is."""
    lines = refusal(Claims({f"{i}:": b"" for i in range(90)})).split("\n")

    assert (22, "- … and 70 more") == (len(lines), lines[-1])


def test_limits():
    """As many files, and as many bytes, as are allowed pass; one more does not."""
    half = FILE_SIZE // 2
    full = {f"f{i}": bytes([i]) * half for i in range(TOTAL_SIZE // half)}

    assert FILES == len(collect(Claims({f"f{i}": b"x" for i in range(FILES)})).files)
    assert "101 files are changed" in refusal(Claims({f"f{i}": b"x" for i in range(FILES + 1)}))
    assert len(full) == len(collect(Claims(full)).files)
    assert "All files together have 4,194,305 bytes" in refusal(Claims(full | {"one": b"x"}))


def blob(data, sha=None, size=None):
    """What ``cat-file --batch`` prints of a blob; or something else."""
    return f"{sha or hash_blob(data)} blob {len(data) if size is None else size}\n".encode() + data + b"\n"


X, Z = hash_blob(b"x"), hash_blob(b"z")


@pytest.mark.parametrize(
    "workspace",
    [
        Claims({"a": b"x"}, lies={X: blob(b"y", X)}),
        Claims({"a": b"x"}, lies={X: blob(b"y")}),
        Claims({"a": b"x"}, lies={X: blob(b"xx", X)}),
        Claims({"a": b"x"}, lies={X: f"{X} missing\n".encode()}),
        Claims({"a": b"x"}, lies={X: f"{X} blob 99999999999\n".encode()}),
        Claims({"a": b"x"}, lies={X: f"{X} blob 9999999999\n".encode()}),
        Claims({"a": b"x"}, lies={X: b""}),
        Claims({"a": b"x"}, lies={X: b"\n"}),
        Claims({"a": b"x"}, lies={X: b"x" * (40 << 20)}),
        Claims({"a": b"x"}, objects=f"{X} tree 1,"),
        Claims({"a": b"x"}, objects=""),
        Claims({"a": b"x", "b": b"z"}, lies={X: blob(b"z", X), Z: blob(b"x", Z)}),
    ],
    ids=[
        *["other bytes", "another blob", "more bytes", "no blob", "a huge one", "a large one", "nothing", "no head"],
        *["too much", "no file", "no sizes", "swapped"],
    ],
)
def test_blobs_that_lie(workspace):
    """Contents that are not those of the listed ids are refused."""
    assert refusal(workspace)


def test_folders_that_lie():
    """A sandbox cannot hide from us what stands beside an added file, nor put the file where it is not."""
    truth = Claims({"src/a": b"x", "Src/b": b"x"}, {"src/a": b"x"})
    assert "Src/b: Src and src are one name" in refusal(truth)
    other, sha = plant({"Src/b": b"x"})
    sent = f"{sha} tree {len(other[''][1])}\n".encode() + other[""][1] + b"\n"
    root = truth.trees[1][1]

    lie = "The sandbox sent other bytes than those that were asked for."
    assert lie == refusal(Claims(truth.new, truth.old, lies={root: sent}))
    assert lie == refusal(Claims(truth.new, truth.old, lies={root: f"{root} missing\n".encode()}))
    assert lie == refusal(Claims(truth.new, truth.old, lies={f"{root}:Src": sent}))
    assert lie == refusal(Claims(truth.new, truth.old, lies={f"{root}:Src": f"{root}:Src missing\n".encode()}))
    elsewhere = Claims({"a": b"x"}, listing=entry("b/c", None, (b"x", "100644")))
    assert "b/c: it is not where the sandbox says" in refusal(elsewhere)


def test_no_file_in_a_file():
    """A file is not added under a path that is a file of the tree."""
    workspace = Claims({"a": b"x"}, {"a": b"x"}, listing=entry("a/b", None, (b"x", "100644")))

    assert "a/b: it is not where the sandbox says" in refusal(workspace)


def test_base_that_lies():
    """What a file held before is what the pushed tree has, not what the sandbox says that it had."""
    key = b"AKIA" + b"ABCDEFGHIJKLMNOP"
    truth = Claims({"a": key}, {"a": b"x"})
    assert "real credential: AWS key" in refusal(truth)

    lie = Claims({"a": key}, {"a": b"x"}, lies={f"{truth.tree}:a": blob(key)})
    assert "real credential: AWS key" in refusal(lie)


def test_names_that_were_alike_before_are_no_reason():
    """Where the base has two folders that are one elsewhere, one may work in both."""
    old = {"Src/a": b"", "src/b": b""}

    assert 1 == len(collect(Claims(old | {"Src/c": b""}, old)).files)
    assert "are one name" in refusal(Claims(old | {"SRC/c": b""}, old))


def test_folder_with_many_files():
    """However many files stand beside those that are added, the check takes no time."""
    old = {f"{i:06}": b"" for i in range(20_000)}
    workspace = Claims(old | {f"new{i}": b"" for i in range(FILES)}, old)
    began = time.process_time()

    assert FILES == len(collect(workspace).files)
    assert time.process_time() - began < 3


def test_renamed_by_case():
    """A file may become one whose name differs by case only: there is but one of them."""
    assert 2 == len(collect(Claims({"A": b"x"}, {"a": b"x"})).files)


@pytest.mark.parametrize(
    "workspace",
    [
        Claims({"a": SECRET.encode()}),
        Claims({"a": b"\0" + base64.b64encode(b"x" + SECRET.encode()) + b"\xff"}),
        Claims({"ok": b"", f"d/{SECRET}": b""}),
        Claims({}, {SECRET: b""}),
        Claims({f"../{SECRET}": b""}),
        Claims({"a:": b"", "b": SECRET.encode()}),
        Claims({"a": SECRET.encode() + b"x" * FILE_SIZE, SECRET: b""}),
        Claims({"link": (SECRET.encode(), "100644"), "b": (b"", "120000")}),
    ],
    ids=["content", "binary, in base64", "path", "deleted path", "path that is refused", "beside a refused file", "beside a large file", "beside a link"],
)  # fmt: skip
def test_secret_of_ours(workspace):
    """A secret of the workflow in a path or a content ends the run, whatever else is wrong, and is not repeated."""
    with pytest.raises(Blocked) as raised:
        collect(workspace)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "workspace",
    [
        Claims(answer=""),
        Claims(answer="\n\n"),
        Claims(answer=f"{ZERO}\n0\nno base64 é\n\n"),
        Claims(answer=f"{ZERO}\nmany\n\n\n"),
        Claims(answer=f"{ZERO}\n{'9' * 5000}\n\n\n"),
        Claims(listing=b"no listing"),
        Claims(listing=b"no listing\0"),
        Claims(listing=entry("a", None, (b"", "100644"))[:-1]),
    ],
    ids=["nothing", "too little", "no base64", "no number", "a huge number", "text", "odd", "cut"],
)
def test_answers_that_are_none(workspace):
    """An answer that cannot be read is the model's to know, and no fault of ours."""
    assert "cannot be read" in refusal(workspace)


def test_listing_that_is_cut():
    """A listing that is longer than what was sent has too many files."""
    assert "too many files" in refusal(Claims(listing=entry("a", None, (b"", "100644")), size="9999999"))


def salvage(workspace, tree=None):
    """What is kept of the change that the sandbox claims."""
    return Change.salvage(workspace, tree or workspace.tree, POLICY)


def paths(change):
    """The paths of a change."""
    return [file.path for file in change.files]


@pytest.mark.parametrize("new", [{"a": b"x", "b": b"", "d/e": (b"\0", "100755")}, {"b": b"before"}, {}])
def test_salvage_of_what_may_be_committed(new):
    """Where nothing is against a change, what is kept is what a commit would have, and asked for in the same way."""
    workspace = Counted(new, {"b": b"before"})
    collected, asked = collect(workspace), workspace.asked

    assert collected == salvage(workspace)
    assert (2 * asked, ()) == (workspace.asked, collected.left_out)


class Counted(Claims):
    """Counts how often it is asked."""

    asked = 0

    def git(self, script):
        self.asked += 1
        return super().git(script)


SCRIPT = """
set -e
cd /home/user/repository
{}
"""


@pytest.fixture
def work(sandboxes, directory):
    """Loads a repository with these files into a sandbox and runs a script there; afterwards the tree is checked."""

    def run(script, files):
        git = Git(directory / "git")
        workspace, tree = open_workspace(sandboxes, git.pack(files))
        outcome = workspace.run(SCRIPT.format(script), "/home/user/repository", 60, lambda _: None)
        assert 0 == outcome.exit_code, outcome.output
        change = Change.salvage(workspace, tree, POLICY)
        assert git.stage(apply(files, change)) == change.tree
        return change

    return run


def apply(files, change):
    """The files with those of the change in place of theirs."""
    gone = {file.path for file in change.files}
    kept = {path: content for path, content in files.items() if path not in gone}
    return kept | {file.path: (file.data, file.mode) for file in change.files if file.mode}


def test_salvage_leaves_out_what_may_not_be_committed(work):
    """Kept is what passes, and for each of the others there is its reason; the tree is that of what was kept."""
    key = "AKIA" + "ABCDEFGHIJKLMNOP"
    change = work(
        f"""
        echo b > a; rm gone; chmod +x mode; ln -s /etc/passwd link; printf x > $'new\\nline'; printf x > $'no\\xffutf'
        mkdir -p .github/workflows d/e :x; echo > .github/workflows/x.yml; echo 1 > d/e/f; echo > README; echo > ReadMe
        echo {key} > 'key [a]*'; head -c 1048577 /dev/zero > big; echo > ./-f; echo > :x/y; echo '*.x y' > .gitattributes
        ln -sf /tmp kept; git init -q nested; echo > nested/f; echo x > locked; chmod 0 locked
        rm protected/AGENTS.md; rmdir protected; echo > protected
        rm CODEOWNERS; mkdir CODEOWNERS; echo > CODEOWNERS/x
        """,
        {
            "a": b"a\n",
            "gone": b"",
            "mode": b"",
            "kept": b"kept",
            "same": b"",
            "protected/AGENTS.md": b"x",
            "CODEOWNERS": b"",
        },
    )

    assert ["-f", "a", "d/e/f", "gone", "mode"] == paths(change)
    told = "\n".join(change.left_out)
    assert "more" not in told
    for path, why in {
        "link": "symbolic link",
        "kept": "symbolic link",
        "new line": "control",
        "no\\udcffutf": "not UTF-8",
        ".github/workflows/x.yml": "protected",
        ".gitattributes": "protected",
        "README": "are one name",
        "ReadMe": "are one name",
        "key [a]*": "credential",
        "big": "1,048,577 bytes",
        ":x/y": "colon",
        "protected/AGENTS.md": "protected",
        "protected": "must stay",
        "CODEOWNERS": "protected",
        "CODEOWNERS/x": "must stay",
    }.items():
        assert [True] == [why in line for line in change.left_out if line.startswith(f"{path}: ")], path
    assert "nested" in told
    assert "locked" in told


def test_salvage_of_many_files(work):
    """Of too many files the edits of the base are kept, and told is how many there are beside those that are named."""
    old = {f"z{i:02}": b"" for i in range(60)}
    change = work("seq -f %.0f-some-build 10000 19999 | xargs touch; for i in z*; do echo > $i; done", old)

    assert [f"z{i:02}" for i in range(60)] == paths(change)
    assert "more files are changed or added, too many to name." in change.left_out[0]
    assert change.left_out[-1].startswith("… and ")
    named = int(change.left_out[0].split()[0].replace(",", "")) + int(change.left_out[-1].split()[2].replace(",", ""))
    assert 10_000 == named + len(change.left_out) - 2


def test_salvage_of_much():
    """Where bytes are short the small edits are kept, and what does not fit is named."""
    files = {f"{i}": bytes([i]) * FILE_SIZE for i in range(6)} | {"small": b"s", "z": b""}
    workspace = Honest(files, dict.fromkeys(files, b"old"))

    change = salvage(workspace)

    assert ["0", "1", "2", "small", "z"] == paths(change)
    assert ["3", "4", "5"] == [reason.partition(":")[0] for reason in change.left_out]


def test_salvage_of_much_that_is_new():
    """What is added in bulk is no more taken than a commit takes it."""
    change = salvage(Honest({f"{i}": bytes([i]) * FILE_SIZE for i in range(6)}))

    assert ((), 6) == (change.files, len(change.left_out))


class Honest(Claims):
    """Makes a tree of what it is told to keep, as git does."""

    def write(self, _path, data):
        names = [line.partition(b"\t")[2].decode() for line in data.split(b"\0")[:-1]]
        changed = {path: content for path, content in self.new.items() if path in names}
        self.new = {path: content for path, content in self.old.items() if path not in names} | changed
        self.__post_init__()


class Liar(Claims):
    """Says the same whatever it is told to keep."""

    def write(self, _path, _data):
        pass


@dataclass
class Turncoat(Claims):
    """Says something else when it is asked again."""

    then: dict = field(default_factory=dict)

    def write(self, _path, _data):
        for name, value in self.then.items():
            setattr(self, name, value)
        self.__post_init__()


@pytest.mark.parametrize(
    "workspace",
    [
        Liar({"a": b"x", ".git/b": b""}),
        Turncoat({"a": b"x", ".git/b": b""}, then={"answer": "nonsense"}),
        Turncoat({"a": b"x", ".git/b": b""}, then={"new": {"a": b"y"}}),
        Turncoat({"a": b"x", ".git/b": b""}, then={"new": {"a": (b"x", "100755")}}),
        Turncoat({"a": b"x", ".git/b": b""}, then={"new": {"a": b"x", "c": b""}}),
        Turncoat({"a": b"x", ".git/b": b""}, then={"new": {}}),
        Turncoat({"a": b"x", ".git/b": b""}, then={"new": {"a": b"x"}, "lies": {X: b"\n"}}),
        Turncoat({"a": b"x", ".git/b": b""}, then={"new": {"a": b"x"}, "size": "9999"}),
    ],
    ids=["the same", "nonsense", "other bytes", "another mode", "one more", "one less", "no contents", "a cut list"],
)
def test_salvage_from_a_sandbox_that_lies(workspace):
    """What cannot be had from a sandbox that lies is told as left out, and nothing of it is kept."""
    change = salvage(workspace)

    assert ((), workspace.tree) == (change.files, change.tree)
    assert {".git/b", "a"} == {reason.partition(":")[0] for reason in change.left_out}


def test_salvage_has_no_secret():
    """A secret of ours ends the run here too, and so does one in what git says."""
    with pytest.raises(Blocked):
        salvage(Claims({"a": SECRET.encode()}))
    with pytest.raises(Blocked):
        salvage(Honest({"a": SECRET.encode(), ".git/b": b""}))
    with pytest.raises(Blocked):
        salvage(Claims({"a": b""}, errors=f"open {SECRET}"))


PATHS = st.sampled_from(["a", "b", "A", "ß", "SS", "d/e", "D/f", "d/F", ".git/x", "AGENTS.md", "x:", "x\n", "../x"])
CONTENTS = st.sampled_from([b"", b"x", b"z", (b"x", "100755"), (b"a", "120000"), b"AKIA" + b"ABCDEFGHIJKLMNOP"])
FILES_OF = st.dictionaries(PATHS, CONTENTS, max_size=8)


@given(FILES_OF, FILES_OF)
def test_nothing_is_left_out_in_silence(old, new):
    """Whatever has changed: it is kept as it is, or told as left out, and the tree is that of what is kept."""
    workspace = Honest(new, old)

    change = salvage(workspace)

    kept = {file.path for file in change.files}
    changed = {path for path in old | new if old.get(path) != new.get(path)}
    assert kept <= changed
    assert {show(path) for path in changed - kept} == {reason.partition(": ")[0] for reason in change.left_out}
    assert plant(apply(old, change))[1] == change.tree
