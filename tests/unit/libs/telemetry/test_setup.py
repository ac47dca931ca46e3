"""What the environment says of telemetry, and what of it reaches the receiver."""

from __future__ import annotations

import asyncio

import pytest

from libs.config import Environ, SettingError
from libs.telemetry import calls, metrics
from libs.telemetry.setup import open_telemetry
from tests.support.otlp import open_receiver

NOBODY = "http://127.0.0.1:1"


def test_nothing_is_chosen_to_be_traced_where_no_span_goes() -> None:
    chosen = {"TIDINGS_TRACE_SAMPLE_RATIO": "1"}
    with open_telemetry(Environ(chosen), ["ingestion"]):
        assert calls.ratio() == 0
    with open_telemetry(Environ({**chosen, "OTEL_EXPORTER_OTLP_ENDPOINT": NOBODY}), ["ingestion"]):
        assert calls.ratio() == 1
    assert calls.ratio() == 0


async def test_headers_reach_the_receiver_however_their_names_are_written() -> None:
    async with open_receiver() as receiver:
        environ = Environ(
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
                "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20x, x-scope=a=b",
            }
        )

        def tell() -> None:
            with open_telemetry(environ, ["ingestion"]):
                metrics.accepted({0: 1})

        # Leaving waits for the receiver, which answers in this thread.
        await asyncio.to_thread(tell)
        assert receiver.headers
        for headers in receiver.headers:
            assert headers["authorization"] == "Bearer x"
            assert headers["x-scope"] == "a=b"


@pytest.mark.parametrize("headers", ["=x", "a b=x", "token-bin=x", "a=%0A", "a=%C3%A4", "a"])
def test_headers_that_grpc_does_not_take_are_refused_at_the_start(headers: str) -> None:
    environ = Environ(
        {"OTEL_EXPORTER_OTLP_ENDPOINT": NOBODY, "OTEL_EXPORTER_OTLP_HEADERS": headers}
    )
    with (
        pytest.raises(SettingError, match="OTEL_EXPORTER_OTLP_HEADERS"),
        open_telemetry(environ, ["ingestion"]),
    ):
        pass


def test_only_what_is_declared_is_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "99999")
    with open_telemetry(Environ({"OTEL_EXPORTER_OTLP_ENDPOINT": NOBODY}), ["ingestion"]):
        pass
