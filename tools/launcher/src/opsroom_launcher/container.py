"""The entry point of the container image: `python -m opsroom_launcher.container COMMAND…`.

Hosts mount disks that belong to root. So the image starts as root, gives Opsroom's part of the data folder to
the user that everything runs as, drops its privileges to that user, and only then runs COMMAND. Started as
another user, it runs COMMAND at once.
"""

import ctypes
import os
import pwd
import stat
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

DATA_ENTRIES = ("agent", "index", "jetstream", "lock", "nats-server.conf", "users")
"""What Opsroom keeps in a data folder. A disk may hold more, such as ``lost+found``."""
_PR_SET_NO_NEW_PRIVS = 38


class ContainerError(Exception):
    """The container can't run like this; the message says what to change."""


@dataclass(frozen=True, slots=True)
class User:
    """The user that everything runs as."""

    uid: int = 10001
    gid: int = 10001


def transfer_ownership(data: Path, user: User) -> None:
    """Give the data folder, and what Opsroom keeps in it, to ``user``. Creates the folder if it is missing.

    Symbolic links are not followed, and files with several hard links are skipped: a program that ran as
    ``user`` before may have created either. Only what has another owner is changed. The folder itself comes
    last, so that the next start completes an interrupted run.

    Raises:
        ContainerError: the folder must not be given away.
        OSError: the system refuses.
    """
    if Path(sys.prefix).resolve().is_relative_to(data.resolve()):
        raise ContainerError(f"OPSROOM_DATA={data} holds the program itself: name a folder for data alone")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(_Folder(data)) as folder:
        for name in sorted(set(DATA_ENTRIES).intersection(os.listdir(folder.descriptor))):
            _chown(name, folder.descriptor, user)
            for _, folders, files, inside in os.fwalk(
                name, topdown=False, follow_symlinks=False, dir_fd=folder.descriptor
            ):
                for entry in (*folders, *files):
                    _chown(entry, inside, user)
        if _has_another_owner(os.fstat(folder.descriptor), user):
            os.fchown(folder.descriptor, user.uid, user.gid)


class _Folder:
    """An open directory: operations relative to it stay in it, even if its path is replaced meanwhile."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)

    def close(self) -> None:
        os.close(self.descriptor)


def _chown(name: str, folder: int, user: User) -> None:
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    second_name = status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode)
    if _has_another_owner(status, user) and not second_name:
        os.chown(name, user.uid, user.gid, dir_fd=folder, follow_symlinks=False)


def _has_another_owner(status: os.stat_result, user: User) -> bool:
    return (status.st_uid, status.st_gid) != (user.uid, user.gid)


def drop_privileges(user: User) -> None:
    """Switch this process and its children to ``user``, irrevocably.

    Raises:
        ContainerError: the container lacks the capabilities for it.
    """
    try:
        os.setgroups([])
        os.setresgid(user.gid, user.gid, user.gid)
        os.setresuid(user.uid, user.uid, user.uid)
    except PermissionError as error:
        raise ContainerError(
            "the container runs as root without the capabilities SETUID and SETGID, so it can't become user"
            f" {user.uid}: start it as that user (--user {user.uid}:{user.gid}), which needs no capability"
            " but must own the data folder, or add --cap-add CHOWN --cap-add SETUID --cap-add SETGID"
        ) from error
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise ContainerError(f"the system can't forbid new privileges: {os.strerror(ctypes.get_errno())}")


def prepare(environ: Mapping[str, str], user: User) -> dict[str, str]:
    """As root: give the data folder to ``user`` and switch to that user. Returns the environment to use.

    Raises:
        ContainerError: it can't be done.
    """
    data = Path(environ.get("OPSROOM_DATA") or "/data")
    trouble = ""
    try:
        transfer_ownership(data, user)
    except OSError as error:
        # Some file systems have no owners, but everybody may write to them.
        trouble = (error.strerror or str(error)).lower()
    drop_privileges(user)
    if trouble and not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        raise ContainerError(
            f"the data folder {data} can't be given to user {user.uid} ({trouble}): mount a volume that can"
            f" be written there, or give it to that user on the host (chown -R {user.uid}:{user.gid})"
        )
    return {**environ, "HOME": _home(user)}


def _home(user: User) -> str:
    try:
        return pwd.getpwuid(user.uid).pw_dir
    except KeyError:
        return "/nonexistent"


def main(command: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Replace this program with ``command``, never as root."""
    try:
        goes_on = prepare(environ, User()) if os.geteuid() == 0 else dict(environ)
        os.execvpe(command[0], list(command), goes_on)  # noqa: S606 - no shell is wanted
    except ContainerError as error:
        sys.exit(f"opsroom: {error}")
    except OSError as error:
        sys.exit(f"opsroom: can't run {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:] or [sys.executable, "-m", "opsroom_launcher", "up"], os.environ)
