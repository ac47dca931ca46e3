"""Cancellations that get lost on their way."""

from __future__ import annotations

import asyncio


def end_if_cancelled() -> None:
    """Raises CancelledError if this task was told to end. A clean-up that fails raises its own error in
    place of the cancellation, and a library may swallow it: who then goes on would never end."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
