"""A server in miniature: opens its parts, says so in one line of JSON, stays until its input ends.

`python host.py DATA_DIRECTORY`; an error it raises is its line too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path

from libs.embedded.create_database import create_database
from libs.embedded.data_directory import open_data_directory
from libs.embedded.errors import EmbeddedError
from libs.embedded.parts import open_parts


def _say(**fields: object) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


async def _host(path: Path) -> None:
    async with open_data_directory(path) as directory, open_parts(directory) as parts:
        # Once more, to see that it is there and lets us in.
        await create_database(parts.database_url)
        _say(
            database_url=parts.database_url,
            redis_url=parts.redis_url,
            process_ids=parts.process_ids,
        )
        await _end_of_input()


async def _end_of_input() -> None:
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        await reader.read()
    finally:
        transport.close()


def main() -> None:
    """Be the server."""
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_host(Path(sys.argv[1])))
    except EmbeddedError as error:
        _say(error=type(error).__name__, sentence=str(error))


if __name__ == "__main__":
    main()
