"""How this program is called from here, so that what is printed can be pasted."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

NAME = "tidings"


def program() -> str:
    """Returns what to type for `tidings`: the name where it is on PATH, else the way to it."""
    here = Path(sys.argv[0]).absolute()
    if here.name == "__main__.py" and here.parent.name == "cli":
        return f"{shlex.quote(short(Path(sys.executable)))} -m {here.parent.name}"
    if here.stem != NAME:
        return NAME
    found = shutil.which(NAME)
    if found is not None and Path(found).resolve() == here.resolve():
        return NAME
    return shlex.quote(short(here))


def pasteable(sentence: str) -> str:
    """Returns `sentence` with its quoted commands as they are to be typed here."""
    opening = f"`{NAME} "
    return sentence.replace(opening, f"`{program()} ") if opening in sentence else sentence


def short(path: Path) -> str:
    """Returns the path from here, when it lies below."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
