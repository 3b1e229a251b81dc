"""The GitHub stand-in: REST, git and a little GraphQL on 127.0.0.1, over real bare git repositories.

What there is, is in ``state``, what tests do to it in ``repository``, what the API shows of it in ``views``,
``commits`` and ``events``. Each of the classes that ``GitHub`` is made of serves one part of the addresses.
"""

from .repository import Repository
from .server import ACTIONS, PERMISSIONS, GitHub
from .state import Comment, Issue, Pull, Token, User

__all__ = ["ACTIONS", "PERMISSIONS", "Comment", "GitHub", "Issue", "Pull", "Repository", "Token", "User"]
