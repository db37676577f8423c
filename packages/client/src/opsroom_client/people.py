"""The users who are present, as far as the server has listed them."""

import asyncio

from opsroom_contracts.chat.frames import UsersPageFrame, WelcomeFrame
from opsroom_contracts.chat.models import User


class People:
    """The pages of the user list that were read, and who has joined since.

    Attributes:
        following: the cursor of the next page; None: all users are known.
        changed: set whenever a page or a welcome arrives.
    """

    def __init__(self) -> None:
        self._listed: dict[str, User] = {}
        self._joined: dict[str, User] = {}
        self._count = 0
        self.following: str | None = None
        self.changed = asyncio.Event()

    @property
    def users(self) -> dict[str, User]:
        """The known users by id, in the order in which they joined."""
        return self._listed | self._joined

    @property
    def count(self) -> int:
        """How many users are present, known or not."""
        return self._count if self.following is not None else len(self.users)

    def on_welcome(self, frame: WelcomeFrame) -> None:
        """Start over with the list in a welcome."""
        self._listed = {user.id: user for user in frame.users}
        self._joined = {}
        self._count = len(frame.users) if frame.user_count is None else frame.user_count
        self.following = frame.next_users
        self.changed.set()

    def on_page(self, frame: UsersPageFrame) -> None:
        """Add a page."""
        self._listed |= {user.id: user for user in frame.users}
        self.following = frame.next_users
        self.changed.set()

    def on_joined(self, user: User) -> None:
        """Add a user who has joined, or whose name has changed."""
        if user.id in self._listed:
            self._listed[user.id] = user
            return
        if user.id not in self._joined:
            self._count += 1
        self._joined[user.id] = user

    def on_left(self, user: User) -> None:
        """Remove a user."""
        self._listed.pop(user.id, None)
        self._joined.pop(user.id, None)
        self._count = max(0, self._count - 1)
