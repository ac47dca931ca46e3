"""Random passwords of the parts, drawn once per data directory.

Kept out of what the supervisor imports: `secrets` alone would make it half as large again.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from libs.embedded.private_files import CREDENTIAL_FILE, write_private


def password(folder: Path) -> str:
    """Give the password of the part that lives in `folder`, drawn and stored at the first call.

    It needs no quoting in an address.
    """
    file = folder / CREDENTIAL_FILE
    if not file.exists():
        write_private(file, f"{secrets.token_urlsafe(24)}\n")
    return file.read_text(encoding="utf-8").strip()
