"""Hostile bytes in place of objects of git."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from ai_dev.errors import ToolError
from ai_dev.objects import Tree, folders_of, hash_object, list_folders, parse_objects, parse_tree

PIECES = st.sampled_from(
    [b"1" * 40, b" blob ", b" tree ", b"0", b"5\n", b"\n", b" missing\n", b"\0", b"40000 a\0", b"100644 b\0", b"x" * 20]
)
BYTES = st.binary() | st.lists(PIECES).map(b"".join)


@given(BYTES, st.integers(0, 4))
def test_any_objects_are_proved_or_refused(answer, count):
    """Whatever is sent: each object that comes of it has the id that it says, or it is a ToolError."""
    with contextlib.suppress(ToolError):
        found = parse_objects(answer, count)
        assert count == len(found)
        assert all(o is None or o.sha == hash_object(o.kind, o.data) for o in found)


@given(st.lists(st.tuples(st.sampled_from(["blob", "tree"]), st.binary()) | st.none(), max_size=5))
def test_objects_come_out_as_they_are(objects):
    """What git prints is read in its order, with nothing for what is missing."""
    sent = [
        b"name missing\n" if o is None else f"{hash_object(*o)} {o[0]} {len(o[1])}\n".encode() + o[1] + b"\n"
        for o in objects
    ]

    found = parse_objects(b"".join(sent), len(objects))
    assert objects == [o and (o.kind, o.data) for o in found]


@given(BYTES)
def test_any_folder_is_read_or_refused(data):
    """Hostile bytes in place of a folder are entries or a ToolError, and nothing is read over."""
    with contextlib.suppress(ToolError):
        entries = parse_tree(data)
        again = [f"{e.mode} {e.name}\0".encode("utf-8", "surrogateescape") + bytes.fromhex(e.sha) for e in entries]
        assert data == b"".join(again)


@given(st.lists(st.text("ab/", min_size=1)))
def test_folders(paths):
    """Every folder comes after the one that it is in, from the root on."""
    folders = list_folders(paths)

    assert ([""] if paths else []) == folders[:1]
    seen = set()
    for folder in folders:
        seen.add(folder)
        assert set(folders_of(folder + "/x")) <= seen | {""}


def test_a_tree_that_was_not_read_has_nothing():
    """What is not proved is not there."""
    assert Tree({}).find_id("a/b") is None
