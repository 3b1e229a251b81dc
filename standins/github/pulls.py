"""Pull requests."""

from __future__ import annotations

from werkzeug.wrappers import Response

from . import views
from .api import Api, route
from .call import Call, Refused, answer, check_text, invalid
from .issues import set_state
from .state import Pull

READ, WRITE = "pull_requests=read", "pull_requests=write"
NOT_A_COLLABORATOR = (
    "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a"
    " collaborator of the %s repository."
)


class Pulls(Api):
    """The routes of pull requests; their labels and discussion are an issue's."""

    @route("GET", "/pulls", READ)
    def list_pulls(self, call: Call) -> Response:
        """Pull requests, the newest first, or those with a state, head (``owner:branch``) or base."""
        query = call.request.args
        pulls = [pull for pull in call.repository.pulls.values() if _matches(pull, query.to_dict())]
        moment = "updated_at" if query.get("sort") == "updated" else "created_at"
        descending = query.get("direction", "asc" if query.get("sort") == "updated" else "desc") == "desc"
        pulls.sort(key=lambda pull: str(getattr(pull, moment)), reverse=descending)
        return call.page(pulls, lambda pull: views.pull(call.repository, pull))

    @route("POST", "/pulls", WRITE)
    def create_pull(self, call: Call) -> Response:
        """Open one."""
        repository, new = call.repository, call.fields("head", "base")
        if call.token.kind == "actions" and not repository.allow_actions_to_create_pull_requests:
            raise Refused(403, "GitHub Actions is not permitted to create or approve pull requests.")
        if not new.get("title"):
            raise invalid("PullRequest", "missing_field", field="title")
        check_text(new["title"], new.get("body"))
        head = _check_branches(call, str(new["head"]), str(new["base"]))
        if new.get("draft") and not repository.allow_drafts:
            raise Refused(422, "Draft pull requests are not supported in this repository.")
        content = {"title": new["title"], "body": new.get("body"), "user": call.user}
        pull = repository.add_pull(**content, head=head, base=new["base"], draft=bool(new.get("draft")))
        return answer(views.full_pull(repository, pull), 201)

    @route("GET", "/pulls/<int:number>", READ)
    def get_pull(self, call: Call, number: int) -> Response:
        """A pull request."""
        return answer(views.full_pull(call.repository, _pull(call, number)))

    @route("PATCH", "/pulls/<int:number>", WRITE)
    def update_pull(self, call: Call, number: int) -> Response:
        """Change its title, body, state or base."""
        pull, new = _pull(call, number), call.fields()
        check_text(new.get("title"), new.get("body"))
        if "base" in new and call.repository.objects.ref(f"refs/heads/{new['base']}") is None:
            raise invalid("PullRequest", "invalid", field="base")
        state = new.get("state", pull.state)
        if state not in ("open", "closed"):
            raise invalid("PullRequest", "invalid", field="state")
        if state == "open" and pull.state == "closed":
            _check_reopening(call, pull)
        pull.title, pull.body = new.get("title") or pull.title, new.get("body", pull.body)
        pull.base, pull.updated_at = new.get("base", pull.base), self.site.stamp()
        set_state(call, pull, state)
        call.repository.follow_branches()
        return answer(views.full_pull(call.repository, pull))

    @route("POST", "/pulls/<int:number>/requested_reviewers", WRITE)
    def request_reviewers(self, call: Call, number: int) -> Response:
        """Ask people for a review."""
        pull = _pull(call, number)
        for login in call.strings("reviewers"):
            account = self.site.find_user(login)
            if account == pull.user:
                raise Refused(422, "Review cannot be requested from pull request author.")
            if account is None or call.repository.permissions.get(account.login, "none") == "none":
                raise Refused(422, NOT_A_COLLABORATOR % call.repository.full_name)
            if account not in pull.requested_reviewers:
                pull.requested_reviewers.append(account)
        return answer(views.pull(call.repository, pull), 201)


def _pull(call: Call, number: int) -> Pull:
    if number not in call.repository.pulls:
        raise Refused(404, "Not Found")
    return call.repository.pulls[number]


def _matches(pull: Pull, query: dict[str, str]) -> bool:
    head = f"{pull.head_repository.partition('/')[0]}:{pull.head}"
    wanted = query.get("head", "")
    # GitHub ignores a head that does not name its owner.
    is_head = ":" not in wanted or wanted == head
    return is_head and query.get("state", "open") in (pull.state, "all") and query.get("base", pull.base) == pull.base


def _check_branches(call: Call, head: str, base: str) -> str:
    """The head branch's name, if a pull request from it can be opened."""
    repository, objects = call.repository, call.repository.objects
    owner, _, branch = head.rpartition(":")
    owner = owner or repository.owner.login
    old, new = objects.ref(f"refs/heads/{base}"), objects.ref(f"refs/heads/{branch}")
    if old is None:
        raise invalid("PullRequest", "invalid", field="base")
    if new is None or owner != repository.owner.login:
        raise invalid("PullRequest", "invalid", field="head")
    for pull in repository.pulls.values():
        if (pull.head_repository, pull.head, pull.base, pull.state) == (repository.full_name, branch, base, "open"):
            message = f"A pull request already exists for {owner}:{branch}."
            raise invalid("PullRequest", "custom", message=message)
    if objects.ask("merge-base", old, new) is None:
        message = f"The {branch} branch has no history in common with {base}"
        raise invalid("PullRequest", "custom", message=message)
    if objects.count(old, new) == 0:
        raise invalid("PullRequest", "custom", message=f"No commits between {base} and {branch}")
    return branch


def _check_reopening(call: Call, pull: Pull) -> None:
    same = pull.head_repository == call.repository.full_name
    if same and call.repository.objects.ref(f"refs/heads/{pull.head}") is None:
        message = f"state cannot be changed. The {pull.head} branch has been deleted."
        raise invalid("PullRequest", "invalid", field="state", message=message)
