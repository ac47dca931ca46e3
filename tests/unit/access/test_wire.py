"""Lifetimes on the wire."""

from __future__ import annotations

from datetime import timedelta

import pytest
from google.protobuf.duration_pb2 import Duration

from services.access.domain.errors import LifetimeTooLong
from services.access.wire.api_key import lifetime_from_proto


def test_a_lifetime_is_read() -> None:
    assert lifetime_from_proto(Duration(seconds=1, nanos=500_000_000)) == timedelta(seconds=1.5)


@pytest.mark.parametrize("seconds", [2**62, -(2**62)])
def test_a_lifetime_beyond_durations_is_refused(seconds: int) -> None:
    with pytest.raises(LifetimeTooLong):
        lifetime_from_proto(Duration(seconds=seconds))
