"""The listener for scrapes: where it listens, and whom it does not wait for."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Iterator
from contextlib import closing

import pytest

from libs.config import SettingError
from libs.telemetry import prometheus
from libs.telemetry.prometheus import PrometheusListener, PrometheusReader


@pytest.fixture
def listener() -> Iterator[PrometheusListener]:
    with closing(PrometheusListener(PrometheusReader(), "127.0.0.1:0")) as open_listener:
        yield open_listener


def connected(listener: PrometheusListener) -> socket.socket:
    host, _, port = listener.address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def test_who_asks_nothing_is_hung_up_on_without_a_word_on_stderr(
    monkeypatch: pytest.MonkeyPatch,
    listener: PrometheusListener,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(prometheus._Scrape, "timeout", 0.05)
    with connected(listener) as idle:
        idle.sendall(b"GET /metr")
        assert idle.recv(1) == b""
    assert capfd.readouterr().err == ""


def test_a_scrape_is_answered_and_leaves_no_line(
    listener: PrometheusListener, capfd: pytest.CaptureFixture[str]
) -> None:
    with urllib.request.urlopen(f"http://{listener.address}/metrics", timeout=10) as response:
        assert response.status == 200
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_an_address_of_ipv6_is_written_in_brackets() -> None:
    with closing(PrometheusListener(PrometheusReader(), "[::1]:0")) as listener:
        assert listener.address.startswith("[::1]:")
        with urllib.request.urlopen(f"http://{listener.address}/metrics", timeout=10) as response:
            assert response.status == 200


@pytest.mark.parametrize("address", ["127.0.0.1:99999", "no.such.host.invalid:0"])
def test_where_it_cannot_listen_is_said_in_a_sentence(address: str) -> None:
    with pytest.raises(SettingError, match="cannot listen"):
        PrometheusListener(PrometheusReader(), address)
