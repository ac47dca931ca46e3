"""Small files that appear whole or not at all, and that only their owner can read."""

from __future__ import annotations

import os
from pathlib import Path

#: In a part's folder; holds its password in one line.
CREDENTIAL_FILE = "password"


def write_private(path: Path, text: str) -> None:
    """Write `text` durably under `path` with mode 0600, owned by whoever owns the folder."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if os.geteuid() == 0:
            folder = path.parent.stat()
            os.chown(descriptor, folder.st_uid, folder.st_gid)
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    new.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable: a renamed file is safe only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
