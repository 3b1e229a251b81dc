"""What a sandbox may say of a change, and what is believed of it."""

import base64
import hashlib
import unicodedata
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dev.change import FILE_SIZE, FILES, TOTAL_SIZE, Change, File, _path_reason, _read_entries
from ai_dev.errors import ToolError

TREE, NEW = "1" * 40, "2" * 40
ZERO = "0" * 40


def hash_blob(data):
    """The id that git gives to these bytes."""
    return hashlib.sha1(b"blob %d\0%b" % (len(data), data)).hexdigest()


@dataclass
class Claims:
    """A sandbox that says what it is told to; stands where the workspace does."""

    listing: bytes = b""
    blobs: dict[str, bytes] | None = None
    """What it sends under which id."""
    size: str | None = None
    tree: str = NEW
    objects: str | None = None
    ignored: str = ""
    answer: str | None = None
    """All that it prints, instead."""

    def git(self, _script):
        """Answer the listing, and say nothing to the rest."""
        blobs = self.blobs or {}
        objects = "".join(f"{sha} blob {len(data)}," for sha, data in blobs.items())
        size = str(len(self.listing)) if self.size is None else self.size
        listing = base64.b64encode(self.listing).decode()
        lines = [self.tree, size, listing, objects if self.objects is None else self.objects, self.ignored]
        return "\n".join(lines) if self.answer is None else self.answer

    def read(self, _path, _limit):
        """The contents as ``git cat-file --batch`` gives them."""
        return b"".join(b"%b blob %d\n%b\n" % (k.encode(), len(v), v) for k, v in sorted((self.blobs or {}).items()))


def entry(path, data=b"", *, verb="M", mode="100644"):
    """One entry of git's listing."""
    new = ("000000", ZERO) if verb == "D" else (mode, hash_blob(data))
    return f":100644 {new[0]} {'3' * 40} {new[1]} {verb}\0".encode() + path.encode("utf-8", "surrogateescape") + b"\0"


def claims(*files, **more):
    """Claims about files: pairs of path and content."""
    return Claims(b"".join(entry(*file) for file in files), {hash_blob(data): data for _, data in files}, **more)


def refusal(workspace):
    """The words of the refusal."""
    with pytest.raises(ToolError) as raised:
        Change.collect(workspace, TREE)
    return str(raised.value)


def test_change_is_what_was_listed():
    """Contents, modes and deletions come out as they are, with the tree that they must make."""
    listing = entry("a.py", b"a\n") + entry("b ü", b"\0\xff", verb="A", mode="100755") + entry("c", verb="D")
    blobs = {hash_blob(data): data for data in (b"a\n", b"\0\xff")}

    change = Change.collect(Claims(listing, blobs, ignored="build/\nx.pyc\n"), TREE)

    assert (
        File("a.py", "100644", hash_blob(b"a\n"), b"a\n", "M"),
        File("b ü", "100755", hash_blob(b"\0\xff"), b"\0\xff", "A"),
        File("c", "", "", b"", "D"),
    ) == change.files
    assert (NEW, ("build/", "x.pyc")) == (change.tree, change.ignored)


def test_nothing_changed():
    """A listing without entries is a change without files."""
    assert () == Change.collect(Claims(), TREE).files


@pytest.mark.parametrize(
    "path",
    [
        *[
            "a",
            "src/app.py",
            ".gitignore",
            ".github/ISSUE_TEMPLATE/x.md",
            "größe/ß.txt",
            "日本語",
            "a b/c'd\"e",
            "-f",
            "~",
            "a.git",
        ],
        *[
            "x" * 255,
            "git",
            ".gitx",
            "...a",
            "a/.b",
            "$(id)",
            ".github/workflow/x.yml",
            "workflows/ci.yml",
            ".git1",
            "git~",
        ],
    ],
)
def test_ordinary_paths(path):
    """Names that only look odd may be committed."""
    assert "" == _path_reason(path)


@pytest.mark.parametrize(
    "path",
    [
        *[
            "",
            "/",
            "/etc/passwd",
            "a//b",
            "a/",
            "./a",
            "a/.",
            "..",
            "../a",
            "a/../../b",
            "x/" * 2100 + "x",
            "x" * 256,
            "é" * 128,
        ],
        *[
            ".git",
            ".git/config",
            "a/.git/hooks/x",
            ".GIT/x",
            ".Git",
            "git~1",
            "GIT~2/x",
            ".git.",
            ".git ",
            ".git\u200c/x",
        ],
        *[
            "\uff0egit/x",
            "\u2024git/x",
            ".g\u200dit",
            ".\uff27\uff29\uff34/x",
            ".gi\u0074\u00ad",
            ".git::$INDEX_ALLOCATION/x",
            "a\\..\\b",
        ],
        *[
            "C:/x",
            "a:b",
            "a.",
            "a ",
            "a /b",
            "a./b",
            "a\nb",
            "a\rb",
            "a\tb",
            "a\0b",
            "a\x7f",
            "a\x1b[2K",
            "a\u202eb",
            "\ufeffa",
        ],
        *[
            "a\u2028b",
            "a\udcffb",
            ".github/workflows",
            ".github/workflows/ci.yml",
            ".GitHub/Workflows/x",
            ".github/WORKFLOWS/a",
        ],
        *[".github/work\ufb02ows/x", ".github/ai-dev.yml", ".GITHUB/AI-DEV.YAML"],
    ],
    ids=ascii,
)
def test_hostile_paths(path):
    """A path that is not plain, that is git's own in any spelling, or that is protected, is refused with the reason."""
    assert _path_reason(path)


@given(
    st.lists(
        st.sampled_from([".git", ".github", "workflows", "a", "..", ".", "", "\u200d", " ", "\\", "\n"]) | st.text()
    )
)
def test_paths_that_may_be_committed_are_plain(parts):
    """Whatever the path: if it may be committed, no file system makes another one of it."""
    path = "/".join(parts)
    if _path_reason(path):
        return

    folded = unicodedata.normalize("NFKC", path).casefold().split("/")
    assert not {"", ".", "..", ".git"} & set(folded)
    assert folded[:2] != [".github", "workflows"]
    assert not set("\\:\0\n\r") & set(path)
    assert path == path.encode().decode()


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
        f":100644 100755 {TREE} {NEW} {verb}\0".encode() + name.encode("utf-8", "surrogatepass") + b"\0"
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
    data = b"/etc/passwd"
    workspace = Claims(entry("link", data, verb="A", mode=mode), {hash_blob(data): data})

    assert f"link: it is a {said}" in refusal(workspace)


def test_every_reason_is_told():
    """A commit is refused as a whole, with all that is wrong in it, names shown on one line."""
    said = refusal(claims(("../a\n::x", b"1"), ("ok", b"2"), (".git/b", b"3"), ("big", b"x" * (FILE_SIZE + 1))))

    lines = said.split("\n")
    assert 4 == len(lines)
    assert [True] * 3 == [
        lines[1].startswith("- ../a ::x: "),
        ".git folder" in lines[2],
        "big: it has 1,048,577" in lines[3],
    ]


def test_limits():
    """As many files, and as many bytes, as are allowed pass; one more does not."""
    half = FILE_SIZE // 2
    full = [(f"f{i}", bytes([i]) * half) for i in range(TOTAL_SIZE // half)]

    assert FILES == len(Change.collect(claims(*[(f"f{i}", b"x") for i in range(FILES)]), TREE).files)
    assert "101 files are changed" in refusal(claims(*[(f"f{i}", b"x") for i in range(FILES + 1)]))
    assert len(full) == len(Change.collect(claims(*full), TREE).files)
    assert "All files together have 4,194,305 bytes" in refusal(claims(*full, ("one", b"x")))


@pytest.mark.parametrize(
    "workspace",
    [
        Claims(entry("a", b"x"), {hash_blob(b"x"): b"y"}),
        Claims(entry("a", b"x"), {hash_blob(b"x"): b"xx"}),
        Claims(entry("a", b"x"), {}),
        Claims(entry("a", b"x"), {}, objects=f"{hash_blob(b'x')} blob 1,"),
        Claims(entry("a", b"x"), {}, objects=f"{hash_blob(b'x')} tree 1,"),
        Claims(entry("a", b"x"), {}, objects=f"{hash_blob(b'x')} blob 999999999999999,"),
        Claims(entry("a", b"x") + entry("b", b"z"), {hash_blob(b"x"): b"z", hash_blob(b"z"): b"x"}),
    ],
    ids=["other bytes", "more bytes", "no blob", "cut", "no file", "a huge one", "swapped"],
)
def test_blobs_that_lie(workspace):
    """Contents that are not those of the listed ids are refused."""
    assert refusal(workspace)


@pytest.mark.parametrize(
    "workspace",
    [
        Claims(answer=""),
        Claims(answer="\n\n"),
        Claims(answer=f"{NEW}\n0\nno base64 é\n\n"),
        Claims(answer=f"{NEW}\nmany\n\n\n"),
        Claims(answer=f"{NEW}\n{'9' * 5000}\n\n\n"),
        Claims(b"no listing"),
        Claims(b"no listing\0"),
        Claims(entry("a")[:-1]),
    ],
    ids=["nothing", "too little", "no base64", "no number", "a huge number", "text", "odd", "cut"],
)
def test_answers_that_are_none(workspace):
    """An answer that cannot be read is the model's to know, and no fault of ours."""
    assert "cannot be read" in refusal(workspace)


def test_listing_that_is_cut():
    """A listing that is longer than what was sent has too many files."""
    assert "too many files" in refusal(Claims(entry("a"), size="9999999"))
