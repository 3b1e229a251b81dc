"""The seven invariants: what must be true after every fault, at whatever moment. Each gives its faults in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path

from ai_dev.marker import WORKING, Marker
from tests.faults.scene import BOT, Cell, Scene, Seen
from tests.faults.story import COMMITTED, WRITES, Write, find_write

README = Path(__file__).resolve().parent.parent.parent / "README.md"
STATUSES = {name: int(code) for name, code in re.findall(r"^\| `(\w+)` \| (\d+) \|", README.read_text(), re.MULTILINE)}
"""How a run can end, as the README says: status -> exit code."""
_SIGKILL = -9
_SECONDS_TO_END = 6.0
_LOST = re.compile(r"\blost\b|Not delivered|left out|could not be (kept|committed)")
"""How it is said that something could not be kept."""
_UNDONE = re.compile(
    r"Error: |Not run: |.*Whether this call did what it should is unknown|.*Look what came of this call"
)
"""How an answer to a call begins that did not do, or may not have done, what it should."""
_SILENT = ("skipped", "refused")
"""Endings of which an issue that tells of another run is not told."""
_OUTDATED = "The status comment is not up to date"
_OUR_REF = re.compile(r"refs/(heads/ai-dev/.+|ai-dev/.+|pull/\d+/head)")


class Kept(StrEnum):
    """Where something is that the model wrote."""

    BRANCH = "on the branch"
    PATCH = "in the patch"
    LOST = "lost, and told"


def find_faults(cell: Cell, scene: Scene, seen: Seen) -> list[str]:
    """What of the invariants does not hold, each with its number."""
    invariants = (
        nothing_lost, nothing_doubled, documented_ending, sandboxes_end, no_traceback, only_our_refs, nothing_left_behind,
    )  # fmt: skip
    return [f"I{i}: {fault}" for i, check in enumerate(invariants, 1) for fault in check(cell, scene, seen)]


def find_kept(scene: Scene, seen: Seen) -> dict[str, Kept]:
    """Where everything is that the model wrote, by the calls' ids."""
    answers, patches = scene.answers, scene.read_patches()
    made = [made for made in scene.issued if not _UNDONE.match(answers.get(made, ""))]
    return {m: _find(write, seen, patches) for m in made if (write := find_write(m))}


def _find(write: Write, seen: Seen, patches: list[str]) -> Kept:
    if any(write.line in seen.files[branch, write.path] for branch in seen.branches):
        return Kept.BRANCH
    if any(re.search(rf"^\+{re.escape(write.line)}$", patch, re.MULTILINE) for patch in patches):
        return Kept.PATCH
    return Kept.LOST


def nothing_lost(cell: Cell, scene: Scene, seen: Seen) -> Iterator[str]:
    """I1: what was committed is on the branch; what was written is there or in the patch, or its loss is told."""
    kept = find_kept(scene, seen)
    for body in scene.openai.conversations:
        answers = [item for item in body["input"] if item.get("type") == "function_call_output"]
        committed: set[str] = set()
        for at, answer in enumerate(answers):
            if answer["call_id"].startswith("call_commit") and answer["output"].startswith(COMMITTED):
                committed |= {other["call_id"] for other in answers[:at]} & kept.keys() - cell.loses
        yield from (f"{m} was committed and is {kept[m]}" for m in sorted(committed) if kept[m] is not Kept.BRANCH)
    lost = {made for made, where in kept.items() if where is Kept.LOST}
    if lost != cell.loses:
        yield f"lost: {sorted(lost)} and not {sorted(cell.loses)}"
    if lost and not _LOST.search(scene.told):
        yield f"nobody is told that {sorted(lost)} are lost"


def nothing_doubled(cell: Cell, scene: Scene, seen: Seen) -> Iterator[str]:
    """I2: one comment, one pull request, one branch, each commit once, each call once."""
    if len(scene.comments) > 1:
        yield f"{len(scene.comments)} comments"
    ours = [p for p in scene.repository.pulls.values() if p.user.login == BOT]
    if sum(pull.state == "open" for pull in ours) > 1:
        yield f"{len(ours)} pull requests"
    if strange := set(seen.branches) - set(cell.branches):
        yield f"there is also the branch {strange}"
    for branch, commits in seen.commits.items():
        counted = Counter(commits.values())
        yield from (f"{subject!r} is {n} times on {branch}" for subject, n in counted.items() if n > 1)
    for write in WRITES.values():
        for branch in seen.branches:
            if (n := seen.files[branch, write.path].count(write.line)) > 1:
                yield f"{write.path} on {branch} has {write.line!r} {n} times"
    if any("never" in lines for lines in seen.files.values()) or "\n+never\n" in "".join(scene.read_patches()):
        yield "a call was done whose reply broke off"
    for patch in scene.read_patches():
        yield from (f"the patch has {w} twice" for w in WRITES.values() if patch.count(f"\n+{w.line}\n") > 1)
    claims = [ref for ref in seen.refs if ref.startswith("refs/ai-dev/")]
    if len(claims) > cell.claims:
        yield f"the claims {claims}"


def documented_ending(cell: Cell, scene: Scene, seen: Seen) -> Iterator[str]:
    """I3: exit code, status, outputs and comment are those of the README, and say the same."""
    cancelled = STATUSES["cancelled"]
    for main in scene.mains:
        status = main.outputs.get("status")
        if status is None:
            if main.exit_code not in (_SIGKILL, cancelled):  # one that ends before it can read has nothing to say
                yield f"there is no status; the exit code is {main.exit_code}"
        elif main.exit_code not in (_SIGKILL, STATUSES.get(status)):
            yield f"{status} ended with exit code {main.exit_code}"
        if main.exit_code == cancelled and main.seconds > _SECONDS_TO_END:
            yield f"it took {main.seconds:.1f} s to end"
        yield from _outputs(scene, main.outputs, seen)
    yield from (f"the post step ended with {post.exit_code}" for post in scene.posts if post.exit_code)
    for body in scene.comments:
        yield from _comment(cell, scene, body)
        yield from _links(scene, body, seen)


def _outputs(scene: Scene, outputs: Mapping[str, str], seen: Seen) -> Iterator[str]:
    if (number := outputs.get("pull-request-number")) and int(number) not in scene.repository.pulls:
        yield f"there is no pull request {number}"
    if outputs.get("patch") and not scene.read_patches():
        yield f"there is no file {outputs['patch']}"
    if (sha := outputs.get("commit-sha")) and not any(sha in commits for commits in seen.commits.values()):
        yield f"the commit {sha} is on no branch"


def _comment(cell: Cell, scene: Scene, body: str) -> Iterator[str]:
    """What our comment says is how the last run ended."""
    marker = Marker.read(body)
    if cell.mute:
        if _OUTDATED not in scene.told:
            yield "nobody is told that the comment is out of date"
    elif marker is None:
        yield f"a comment without a marker: {body[:80]}"
    elif marker.status == WORKING or "at work on this" in body:
        yield "the comment says that the run is at work"
    elif marker.status != scene.status and scene.status not in _SILENT:
        yield f"the comment says {marker.status}"
    elif marker.until is not None:
        yield "the comment says that the issue is taken"


def _links(scene: Scene, body: str, seen: Seen) -> Iterator[str]:
    for number in re.findall(r"(?:kept in|Opened|Updated) #(\d+)", body):
        if int(number) not in scene.repository.pulls:
            yield f"the comment names #{number}, which is not there"
    for branch in re.findall(r"on the branch `([^`]+)`", body):
        if branch not in seen.branches:
            yield f"the comment names {branch}, which is not there"


def sandboxes_end(_: Cell, scene: Scene, __: Seen) -> Iterator[str]:
    """I4: no sandbox lives."""
    yield from (f"sandbox {s.id} lives" for s in scene.e2b.sandboxes.values() if s.alive)


def no_traceback(_: Cell, scene: Scene, __: Seen) -> Iterator[str]:
    """I5: no bug of ours showed itself."""
    for result in scene.results:
        if "Traceback" in result.log or "This is a bug of AI Dev" in result.log:
            yield f"a bug: {result.log[-3000:]}"


def only_our_refs(_: Cell, scene: Scene, seen: Seen) -> Iterator[str]:
    """I6: the user's refs are as they were, nothing of theirs was overwritten, git finds nothing amiss."""
    now = seen.refs
    for ref in sorted(now.keys() | scene.refs.keys()):
        if now.get(ref) != scene.refs.get(ref) and now.get(ref) not in scene.theirs and not _OUR_REF.fullmatch(ref):
            yield f"{ref} changed"
    for sha in scene.theirs:
        if not scene.repository.git("for-each-ref", "--contains", sha, "refs/heads"):
            yield f"{sha}, which others pushed, is on no branch any more"
    if said := scene.repository.git("fsck", "--strict", "--no-dangling"):
        yield f"git fsck: {said}"


def nothing_left_behind(_: Cell, scene: Scene, __: Seen) -> Iterator[str]:
    """I7: the temporary folder of each step that ended by itself is gone."""
    for audit in scene.audits:
        folders = set(re.findall(r'"(/tmp/ai-dev-\w{8})[/"]', audit.read_text(encoding="utf-8")))
        yield from (f"{folder} is left behind" for folder in folders if Path(folder).exists())
