"""Where things lie in TONGFA_HOME."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

LONGEST_SOCKET_PATH = 100
"""Bytes. The kernel takes 107 (Linux) or 103 (macOS) and reports a longer one only as "path too long"."""


class UnsafeFolderError(RuntimeError):
    """A folder for a socket exists and belongs to somebody else: whoever owns it could listen in."""


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one installation. `path` is absolute; reading a property creates nothing."""

    path: Path

    @property
    def run(self) -> Path:
        """Sockets, locks and process ids; nothing in it outlives a restart."""
        return self.path / "run"

    @property
    def logs(self) -> Path:
        """One file per process."""
        return self.path / "logs"

    @property
    def keys(self) -> Path:
        """Keys, mode 0700."""
        return self.path / "keys"

    def make(self) -> None:
        """Create the folders; the home and the keys are for the owner's eyes alone."""
        for folder in (self.path, self.run, self.logs, self.keys):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except (FileExistsError, NotADirectoryError):
                raise UnsafeFolderError(f"{folder} 应是目录，却是一个文件；请移走它后重试。") from None

    def broker_socket(self) -> Path:
        """The embedded broker's socket.

        A home that lies too deep for a socket gets a short folder under the system's temporary folder. It is
        noted in `run/valkey.path` by `claim_broker_socket`, because TMPDIR may differ from process to process.
        """
        direct = self.run / "valkey.sock"
        if len(os.fsencode(direct)) <= LONGEST_SOCKET_PATH:
            return direct
        try:
            return Path((self.run / "valkey.path").read_text("utf-8"))
        except FileNotFoundError:
            digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
            return Path(tempfile.gettempdir()) / f"tongfa-{os.getuid()}-{digest}" / "valkey.sock"

    def claim_broker_socket(self) -> Path:
        """Like `broker_socket`, and make its folder. Raises UnsafeFolderError if that is not ours alone."""
        self.make()
        path = self.broker_socket()
        if path.parent == self.run:
            return path
        path.parent.mkdir(mode=0o700, exist_ok=True)
        about = path.parent.lstat()
        if about.st_uid != os.getuid() or about.st_mode & 0o077 or path.parent.is_symlink():
            raise UnsafeFolderError(
                f"目录 {path.parent} 不是本用户独有的，不能放内置 Valkey 的套接字；请删除它后重试。"
            )
        (self.run / "valkey.path").write_text(str(path), "utf-8")
        return path
