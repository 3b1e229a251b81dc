"""What must hold after a scene, whatever was drawn. Each check gives its faults in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from ai_dev.errors import Status
from ai_dev.marker import Marker
from tests.flows.runs import BOT
from tests.soak.draws import LASTING, IssuePlan
from tests.soak.model import TOKEN
from tests.soak.play import Outcome, Played

_CODES = {str(status): status.exit_code for status in Status if status is not Status.BUG}
_TOLD_LOST = re.compile(r"\blost\b|Not delivered|could not be (committed|put back)")
_AT_ONCE = "GitHub ended the run before its work began."
_NOT_TOLD = "The status comment is not up to date"


def find_faults(outcome: Outcome) -> list[str]:
    """What does not hold."""
    faults = [fault for played in outcome.played for fault in documented_ending(played)]
    for plan in outcome.scene.issues:
        for check in (nothing_lost, nothing_doubled, one_of_each):
            faults += [f"issue {plan.number}: {fault}" for fault in check(outcome, plan)]
    faults += sandboxes_end(outcome)
    faults += [f"a service's rule was broken: {problem}" for problem in outcome.stage.problems]
    return faults


def documented_ending(played: Played) -> Iterator[str]:
    """Exit code and status belong together and are documented, and no traceback was printed."""
    name, main, post = f"run {played.job.variables['GITHUB_RUN_ID']}", played.main, played.post
    status = main.outputs.get("status", "")
    if main.exit_code == -9 and played.signal == "SIGKILL":
        if status and not main.log.rstrip().split("\n")[-1].startswith("::"):
            yield f"{name} was killed when it had given the status {status!r}"
    elif main.exit_code == 130 and not status and _AT_ONCE in main.log:
        pass
    elif _CODES.get(status) != main.exit_code:
        yield f"{name} ended with {main.exit_code} and the status {status!r}"
    if post and post.exit_code:
        yield f"the post step of {name} ended with {post.exit_code}"
    if "Traceback" in played.text:
        yield f"{name} printed a traceback"


def nothing_lost(outcome: Outcome, plan: IssuePlan) -> Iterator[str]:
    """What was committed is on a branch; what was written is there, in a patch, or told as lost."""
    there = set(TOKEN.findall("\n".join(_contents(outcome).values())))
    runs = [played for played in outcome.played if played.issue == plan.number]
    patches = "".join(
        file.read_text("utf-8", "replace") for run in runs for file in run.job.directory.glob("step-*/ai-dev-*.patch")
    )
    told = bool(_TOLD_LOST.search("\n".join([run.text for run in runs] + _own_comments(outcome, plan.number))))
    for talk in (talk for talk in outcome.worker.talks if talk.issue == plan.number):
        for token in sorted(talk.committed - talk.excused - there):
            yield f"{token} was committed and is on no branch"
        for token in sorted(talk.written - talk.committed - talk.excused - there):
            if token not in patches and not told:
                yield f"{token} was written, is on no branch and in no patch, and nobody is told"


def nothing_doubled(outcome: Outcome, plan: IssuePlan) -> Iterator[str]:
    """No command ran twice."""
    for token, times in outcome.worker.ran.items():
        if times > 1 and token.startswith(f"tok-{plan.number}-"):
            yield f"the command of {token} ran {times} times"
    for name, text in _contents(outcome).items():
        for token, times in Counter(TOKEN.findall(text)).items():
            if times > 1 and token.startswith(f"tok-{plan.number}-"):
                yield f"{token} is {times} times in {name}"


def one_of_each(outcome: Outcome, plan: IssuePlan) -> Iterator[str]:
    """One comment, which is true; at most one open pull request for a branch, and one branch unless people meddle."""
    comments, repository = _own_comments(outcome, plan.number), outcome.stage.repository
    runs = [played for played in outcome.played if played.issue == plan.number]
    said = "\n".join(run.text for run in runs)
    hindered = _NOT_TOLD in said or any(fault.name in LASTING for fault in outcome.scene.faults)
    if len(comments) > 1 and not hindered:
        yield f"there are {len(comments)} comments of ours"
    worked = {"opened", "updated", "answered", "unchanged", "branch"} & {run.status for run in runs}
    if worked and not comments and not hindered:
        yield "there is no comment of ours"
    for comment in comments:
        marker = Marker.read(comment)
        if marker and marker.status == "working" and runs[-1].post and not hindered:
            yield f"the comment says that a run is at work: {comment[:300]}"
        for number in re.findall(r"\*\*(?:Opened|Updated) #(\d+)", comment):
            if int(number) not in repository.pulls:
                yield f"the comment tells of #{number}, which is not there"
    meddled = {"push across", "branch deleted"} & set(outcome.meddled.get(plan.number, ()))
    heads = Counter(
        pull.head for pull in repository.pulls.values()
        if pull.state == "open" and re.match(rf"ai-dev/issue-{plan.number}(-\d+)?$", pull.head)
    )  # fmt: skip
    if any(count > 1 for count in heads.values()) or (len(heads) > 1 and not meddled):
        yield f"open pull requests: {dict(heads)}"
    refs = repository.git("for-each-ref", "--format=%(refname)", f"refs/ai-dev/issue-{plan.number}").split()
    if len(refs) > 1 and not hindered:
        yield f"claims are left: {refs}"


def sandboxes_end(outcome: Outcome) -> Iterator[str]:
    """No sandbox lives."""
    yield from (f"sandbox {id_} lives" for id_ in outcome.alive)


def _own_comments(outcome: Outcome, number: int) -> list[str]:
    comments = outcome.stage.repository.issues[number].comments
    return [comment.body for comment in comments if comment.user.login == BOT]


def _contents(outcome: Outcome) -> dict[str, str]:
    """All files of all branches that hold tokens."""
    git = outcome.stage.repository.git
    found: dict[str, str] = {}
    for branch in git("for-each-ref", "--format=%(refname)", "refs/heads/ai-dev").split():
        for path in git("ls-tree", "-r", "--name-only", branch).splitlines():
            if path.startswith(("notes/", "log-")):
                found[f"{branch}:{path}"] = git("cat-file", "blob", f"{branch}:{path}")
    return found
