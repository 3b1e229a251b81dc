"""Issues and their discussion: comments, labels, reactions."""

from __future__ import annotations

from werkzeug.wrappers import Response

from . import views
from .api import Api, route
from .call import BODY_LIMIT, Call, Refused, answer, check_text, invalid, nothing
from .state import ROLES, Comment, Issue, Reaction

READ = "issues=read; pull_requests=read"
WRITE = "issues=write; pull_requests=write"
COMMENT = "issues=comment; pull_requests=comment"
CONTENTS = {"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"}


class Issues(Api):
    """The routes of issues; a pull request is one too."""

    @route("GET", "/issues/<int:number>", READ)
    def get_issue(self, call: Call, number: int) -> Response:
        """An issue."""
        return answer(views.issue(call.repository, _issue(call, number)))

    @route("PATCH", "/issues/<int:number>", WRITE)
    def update_issue(self, call: Call, number: int) -> Response:
        """Change its title, body, labels or state."""
        issue, new = _issue(call, number), call.fields()
        check_text(new.get("title"), new.get("body"))
        if new.get("state", "open") not in ("open", "closed"):
            raise invalid("Issue", "invalid", field="state")
        issue.title, issue.body = new.get("title") or issue.title, new.get("body", issue.body)
        if "labels" in new:
            issue.labels = list(dict.fromkeys(call.strings("labels")))
        issue.updated_at = self.site.stamp()
        if "state" in new:
            set_state(call, issue, new["state"], new.get("state_reason"))
        return answer(views.issue(call.repository, issue))

    @route("GET", "/issues/<int:number>/comments", READ)
    def list_comments(self, call: Call, number: int) -> Response:
        """Its comments, oldest first; ``since`` leaves out those that were not touched since then."""
        issue, since = _issue(call, number), call.request.args.get("since", "")
        shown = [comment for comment in issue.comments if comment.updated_at >= since]
        return call.page(shown, lambda comment: views.comment(call.repository, issue, comment))

    @route("POST", "/issues/<int:number>/comments", COMMENT)
    def create_comment(self, call: Call, number: int) -> Response:
        """Comment."""
        issue, body = _issue(call, number), _body(call)
        if issue.locked and not _is_collaborator(call):
            raise Refused(403, "Unable to create comment because issue is locked.")
        comment = call.repository.add_comment(number, body, user=call.user)
        issue.updated_at = comment.created_at
        return answer(views.comment(call.repository, issue, comment), 201)

    @route("PATCH", "/issues/comments/<int:comment>", COMMENT)
    def update_comment(self, call: Call, comment: int) -> Response:
        """Edit a comment."""
        issue, found = _own_comment(call, comment)
        found.body, found.updated_at = _body(call), self.site.stamp()
        return answer(views.comment(call.repository, issue, found))

    @route("DELETE", "/issues/comments/<int:comment>", COMMENT)
    def delete_comment(self, call: Call, comment: int) -> Response:
        """Delete a comment."""
        issue, found = _own_comment(call, comment)
        issue.comments.remove(found)
        return nothing()

    @route("POST", "/issues/<int:number>/reactions", COMMENT)
    def react_to_issue(self, call: Call, number: int) -> Response:
        """React to an issue."""
        return self._react(call, _issue(call, number).reactions)

    @route("POST", "/issues/comments/<int:comment>/reactions", COMMENT)
    def react_to_comment(self, call: Call, comment: int) -> Response:
        """React to a comment."""
        return self._react(call, _comment(call, comment)[1].reactions)

    @route("GET", "/issues/<int:number>/labels", READ)
    def list_labels(self, call: Call, number: int) -> Response:
        """Its labels."""
        shown = views.labels(call.repository, _issue(call, number))
        return call.page(shown, lambda label: label)

    @route("POST", "/issues/<int:number>/labels", WRITE)
    def add_labels(self, call: Call, number: int) -> Response:
        """Put labels on it; those that the repository lacks are made."""
        issue = _issue(call, number)
        issue.labels = list(dict.fromkeys([*issue.labels, *call.strings("labels")]))
        issue.updated_at = self.site.stamp()
        return answer(views.labels(call.repository, issue))

    @route("DELETE", "/issues/<int:number>/labels/<path:label>", WRITE)
    def remove_label(self, call: Call, number: int, label: str) -> Response:
        """Take a label off."""
        issue = _issue(call, number)
        if label not in issue.labels:
            raise Refused(404, "Label does not exist")
        issue.labels.remove(label)
        issue.updated_at = self.site.stamp()
        return answer(views.labels(call.repository, issue))

    def _react(self, call: Call, reactions: list[Reaction]) -> Response:
        content = call.fields("content")["content"]
        if content not in CONTENTS:
            raise invalid("Reaction", "invalid", field="content")
        given = next((one for one in reactions if (one.user, one.content) == (call.user, content)), None)
        if given is not None:
            return answer(views.reaction(call.repository, given))
        reactions.append(Reaction(next(self.site.ids), call.user, content, self.site.stamp()))
        return answer(views.reaction(call.repository, reactions[-1]), 201)


def set_state(call: Call, issue: Issue, state: str, reason: str | None = None) -> None:
    """Close or reopen an issue or pull request."""
    if issue.state == state:
        return
    issue.state, issue.updated_at = state, call.repository.site.stamp()
    issue.closed_at = issue.updated_at if state == "closed" else None
    issue.state_reason = (reason or "completed") if state == "closed" else "reopened"


def _issue(call: Call, number: int) -> Issue:
    if number not in call.repository.issues:
        raise Refused(404, "Not Found")
    return call.repository.issues[number]


def _comment(call: Call, comment: int) -> tuple[Issue, Comment]:
    found = call.repository.find_comment(comment)
    if found is None:
        raise Refused(404, "Not Found")
    return found


def _own_comment(call: Call, comment: int) -> tuple[Issue, Comment]:
    found = _comment(call, comment)
    if found[1].user != call.user and not _is_collaborator(call):
        raise Refused(403, "Must have admin rights to Repository.")
    return found


def _is_collaborator(call: Call) -> bool:
    return call.token.kind != "user" or ROLES[call.repository.role(call.user)].get("issues") == "write"


def _body(call: Call) -> str:
    body = call.fields("body")["body"]
    if not isinstance(body, str):
        raise Refused(422, "Invalid request.\n\nFor 'properties/body', the value is not a string.")
    if not body.strip():
        raise invalid("IssueComment", "missing_field", field="body")
    if len(body) > BODY_LIMIT:
        message = f"Body is too long (maximum is {BODY_LIMIT} characters)"
        raise invalid("IssueComment", "unprocessable", field="data", message=message)
    return body
