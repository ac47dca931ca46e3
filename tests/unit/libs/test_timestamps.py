"""Times in messages say what the messages' own methods say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from libs.clock.timestamps import moment_of, timestamp

MOMENTS = [
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 11, 20, 15, 16, 17, 123_456, tzinfo=timezone(timedelta(hours=-7))),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_time_goes_there_and_back(moment: datetime) -> None:
    message = Timestamp()
    message.FromDatetime(moment)
    assert timestamp(moment) == message
    assert moment_of(message) == moment


@pytest.mark.parametrize("seconds", [-(1 << 62), 253_402_300_800, 1 << 62])
def test_what_no_calendar_has_is_a_value_error(seconds: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        moment_of(Timestamp(seconds=seconds))
