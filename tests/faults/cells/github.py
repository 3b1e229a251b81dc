"""GitHub fails: its answers, its limits, its time; and what people do there meanwhile."""

from __future__ import annotations

import time

from tests.faults import story
from tests.faults.cells.acts import Change, fails, meets, nothing
from tests.faults.scene import Before, Cell, Scene

WORK, FIRST, NOTES, SECOND, PULL, DONE = story.STORY
BRANCH = "refs/heads/ai-dev/issue-1"
WRITES = {
    "claim": ("POST", "/git/refs$", 0),
    "comment": ("POST", "/issues/1/comments$", 0),
    "commit: tree": ("POST", "/git/trees$", 0),
    "commit: commit": ("POST", "/git/commits$", 0),
    "commit: branch": ("POST", "/git/refs$", 1),
    "second commit: branch": ("PATCH", "/git/refs/", 0),
    "pull request": ("POST", "/pulls$", 0),
    "report: comment": ("PATCH", "/issues/comments/", 0),
}
"""Moment -> the request that writes then."""
READS = {
    "start: permission": ("GET", "/permission$", 0),
    "fetch: refs": ("POST", "/git-upload-pack$", 0),
    "fetch: pack": ("POST", "/git-upload-pack$", 1),
}
AT_ONCE = {"Retry-After": "0"}
PRIMARY = {"message": "API rate limit exceeded for installation ID 1."}
SECONDARY = {"message": "You have exceeded a secondary rate limit. Please wait."}
DENIED = {"status": 401, "body": {"message": "Bad credentials"}, "times": None}
DOWN = {"status": 503, "body": {"message": "Unavailable"}, "headers": AT_ONCE, "times": None}
UNCOMMITTED = ("commit: tree", "commit: commit", "commit: branch")


def used_up(seconds: int) -> dict[str, object]:
    """The primary limit is used up for so long."""
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + seconds)}
    return {"status": 403, "body": PRIMARY, "headers": headers}


PASSING: dict[str, tuple[dict[str, object], tuple[str, ...]]] = {
    "no answer after it took effect": ({"after": True, "drop": True}, tuple(WRITES)),
    "503 after it took effect": (
        {"after": True, "status": 503, "headers": AT_ONCE},
        ("comment", "commit: branch", "second commit: branch", "pull request"),
    ),
    "503 once": ({"status": 503, "headers": AT_ONCE}, ("claim", "comment", "commit: branch", "start: permission")),
    "secondary limit, Retry-After 0": (
        {"status": 429, "body": SECONDARY, "headers": AT_ONCE},
        ("claim", "commit: commit", "second commit: branch", "report: comment"),
    ),
    "secondary limit as 403, Retry-After 0": (
        {"status": 403, "body": SECONDARY, "headers": AT_ONCE},
        ("comment", "commit: tree", "pull request"),
    ),
    "no answer once": ({"drop": True}, ("claim", "commit: branch", "pull request", "fetch: pack")),
    "500 once": ({"status": 500}, ("commit: tree", "second commit: branch", "fetch: refs")),
    "502 once": ({"status": 502}, ("commit: commit", "report: comment")),
}
FINAL: dict[str, dict[str, object]] = {
    "503 always": DOWN,
    "401 always": DENIED,
}


def meet(fault: dict[str, object], moment: str) -> Change:
    """The request of this moment meets this fault."""
    method, path, skip = {**WRITES, **READS}[moment]
    return fails("github", method, path, **fault, skip=skip)


def limited(seconds: int, moment: str) -> Change:
    """The primary limit is used up at this moment."""

    def act(scene: Scene) -> None:
        meet(used_up(seconds), moment)(scene)  # the clock counts from here on

    return act


def expire(scene: Scene) -> None:
    """From now on the token is not valid."""
    scene.github.fail("", ".", **DENIED)


def push(**files: str) -> Change:
    """Somebody pushes to our branch."""
    given = {path.replace("_", "."): text.encode() for path, text in files.items()}
    return lambda scene: scene.push("ai-dev/issue-1", given)


def delete_branch(scene: Scene) -> None:
    """Somebody deletes our branch."""
    scene.repository.git("update-ref", "-d", BRANCH)
    scene.repository.follow_branches()


def rewind_branch(scene: Scene) -> None:
    """Somebody puts our branch back to the base, and a commit of theirs on it."""
    scene.repository.git("update-ref", BRANCH, "refs/heads/main")
    scene.push("ai-dev/issue-1", {"by-hand.txt": b"x\n"})


def delete_issue(scene: Scene) -> None:
    """Somebody deletes the issue, and with it our comment."""
    del scene.repository.issues[1]
    scene.github.fail("", "/issues/1(/|$)", status=410, body={"message": "This issue was deleted"}, times=None)


def close_issue(scene: Scene) -> None:
    """Somebody closes the issue."""
    scene.repository.issues[1].state = "closed"


def unlabel(scene: Scene) -> None:
    """Somebody takes the label off."""
    scene.repository.issues[1].labels.clear()


def demote(scene: Scene) -> None:
    """The owner may only read from now on."""
    scene.repository.permissions["octo"] = "read"


def archive(scene: Scene) -> None:
    """Somebody archives the repository."""
    scene.repository.archived = True


def delete_comment(scene: Scene) -> None:
    """Somebody deletes our comment."""
    scene.repository.issues[1].comments.clear()


def close_pull(scene: Scene) -> None:
    """Somebody closes the pull request."""
    for pull in scene.repository.pulls.values():
        pull.state = "closed"


def merge_pull(scene: Scene) -> None:
    """Somebody merges the pull request."""
    for pull in scene.repository.pulls.values():
        pull.state, pull.merged = "closed", True


PROPOSED_EARLY = (WORK, FIRST, PULL)
MORE = (NOTES, SECOND, DONE)

CELLS = (
    *(
        Cell(f"GitHub: {fault}", moment, meets(meet(how, moment)), "opened")
        for fault, (how, moments) in PASSING.items() for moment in moments
    ),
    Cell("GitHub: primary limit for a second", "commit: tree", meets(limited(1, "commit: tree")), "opened"),
    Cell("GitHub: primary limit for an hour", "commit: tree", meets(limited(3600, "commit: tree")), "failed", "start the run again in an hour"),
    Cell("GitHub: primary limit for an hour", "pull request", meets(limited(3600, "pull request")), "failed", "kept on the branch|kept in #"),
    Cell("GitHub: primary limit for an hour", "claim", meets(limited(3600, "claim")), "failed", branches=()),
    *(
        Cell(f"GitHub: {fault}", moment, meets(meet(how, moment)), "failed", "patch")
        for fault, how in FINAL.items() for moment in UNCOMMITTED
    ),
    *(
        Cell(f"GitHub: {fault}", "second commit: branch", meets(meet(how, "second commit: branch")), "failed", "patch")
        for fault, how in FINAL.items()
    ),
    *(Cell(f"GitHub: {fault}", "pull request", meets(meet(how, "pull request")), "failed", "kept on the branch") for fault, how in FINAL.items()),
    *(Cell(f"GitHub: {fault}", "claim", meets(meet(how, "claim")), "failed", branches=()) for fault, how in FINAL.items()),
    *(Cell(f"GitHub: {fault}", "comment", meets(meet(how, "comment")), "opened", "not up to date", mute=True) for fault, how in FINAL.items()),
    Cell("GitHub: 503 always", "report: comment", meets(meet(DOWN, "report: comment")), "opened", "not up to date", mute=True),
    # The token expires in the middle.
    Cell("GitHub: the token expires", "first request", meets(nothing, Before(expire, WORK), DONE), "failed", "patch", mute=True),
    Cell("GitHub: the token expires", "mid-stream, nothing is committed", meets(nothing, WORK, Before(expire, FIRST)), "failed", "patch", mute=True),
    Cell("GitHub: the token expires", "mid-stream, more is written",
         meets(nothing, WORK, FIRST, NOTES, Before(expire, SECOND)), "failed", "patch", mute=True),
    Cell("GitHub: the token expires", "pull request", meets(nothing, *story.ALL_SAVED, Before(expire, PULL)), "failed", mute=True),
    Cell("GitHub: the token expires", "report: comment", meets(nothing, *story.PROPOSED, Before(expire, DONE)), "failed", mute=True),
    # Others are at work there too.
    Cell("GitHub: others push other files", "second commit: branch",
         meets(nothing, WORK, FIRST, NOTES, Before(push(by_hand="x\n"), SECOND), PULL, DONE), "opened"),
    Cell("GitHub: others push the same file", "second commit: branch",
         meets(nothing, WORK, FIRST, NOTES, Before(push(notes_txt="x\n"), SECOND), PULL, DONE), "opened", branches=("ai-dev/issue-1", "ai-dev/issue-1-2")),
    Cell("GitHub: others push the same file", "deliver",
         meets(nothing, WORK, FIRST, NOTES, Before(push(notes_txt="x\n"), DONE)), "opened", branches=("ai-dev/issue-1", "ai-dev/issue-1-2")),
    Cell("GitHub: others make our branch", "commit: branch",
         meets(nothing, WORK, Before(push(by_hand="x\n"), FIRST), NOTES, SECOND, PULL, DONE), "opened", branches=("ai-dev/issue-1", "ai-dev/issue-1-2")),
    Cell("GitHub: our branch is deleted", "second commit: branch",
         meets(nothing, WORK, FIRST, NOTES, Before(delete_branch, SECOND), PULL, DONE), "opened"),
    Cell("GitHub: our branch is deleted", "pull request", meets(nothing, *story.ALL_SAVED, Before(delete_branch, PULL), DONE), "opened"),
    Cell("GitHub: our branch is deleted", "report: comment", meets(nothing, *story.PROPOSED, Before(delete_branch, DONE)), "opened"),
    Cell("GitHub: our branch is rewound", "second commit: branch",
         meets(nothing, WORK, FIRST, NOTES, Before(rewind_branch, SECOND), PULL, DONE), "opened", branches=("ai-dev/issue-1", "ai-dev/issue-1-2")),
    *(
        Cell(f"GitHub: {what}", "commit: branch", meets(nothing, WORK, Before(change, FIRST)), "refused", "patch", mute=mute)
        for what, change, mute in (
            ("the issue is deleted", delete_issue, True), ("the issue is closed", close_issue, False),
            ("the label is removed", unlabel, False), ("the permission is lost", demote, False),
        )
    ),
    *(
        Cell(f"GitHub: {what}", "pull request", meets(nothing, *story.ALL_SAVED, Before(change, PULL)), "refused", mute=mute)
        for what, change, mute in (
            ("the issue is deleted", delete_issue, True), ("the issue is closed", close_issue, False),
            ("the label is removed", unlabel, False),
        )
    ),
    Cell("GitHub: the issue is deleted", "report: comment", meets(nothing, *story.PROPOSED, Before(delete_issue, DONE)), "opened", "not up to date"),
    Cell("GitHub: the repository is archived", "second commit: branch",
         meets(nothing, WORK, FIRST, NOTES, Before(archive, SECOND)), "failed", "patch", mute=True),
    Cell("GitHub: our comment is deleted", "report: comment", meets(nothing, *story.PROPOSED, Before(delete_comment, DONE)), "opened"),
    Cell("GitHub: the pull request is closed", "second commit: branch", meets(nothing, *PROPOSED_EARLY, Before(close_pull, NOTES), SECOND, DONE), "opened"),
    Cell("GitHub: the pull request is merged", "second commit: branch", meets(nothing, *PROPOSED_EARLY, Before(merge_pull, NOTES), SECOND, DONE), "opened"),
    Cell("GitHub: the pull request is closed", "report: comment", meets(nothing, *story.PROPOSED, Before(close_pull, DONE)), "opened"),
)  # fmt: skip
