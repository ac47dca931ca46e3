"""Spellings of URLs, among them those that have led servers to where they should not go."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from libs.config import Environ, SettingError
from libs.egress.policy import EgressPolicy
from libs.egress.refusal import EgressRefused
from libs.egress.settings import EgressSettings
from libs.egress.urls import Target, check_url, host_of

CLOSED = EgressPolicy()
LAPTOP = EgressPolicy(
    allow_http=True, networks=(ip_network("127.0.0.0/8"), ip_network("::1/128")), ports=None
)


def opened(environ: Environ) -> EgressPolicy:
    return EgressSettings.from_environ(environ).policy()


def rule_of(url: str, policy: EgressPolicy = CLOSED) -> str:
    """Returns the rule that a URL breaks, '' if none."""
    try:
        check_url(url, policy)
    except EgressRefused as refusal:
        return refusal.rule
    return ""


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("https://127.0.0.1/", "loopback"),
        ("https://127.1.2.3/", "loopback"),
        ("https://localhost/", "loopback"),
        ("https://LocalHost/", "loopback"),
        ("https://app.localhost/", "loopback"),
        ("https://[::1]/", "loopback"),
        ("https://[0:0:0:0:0:0:0:1]/", "loopback"),
        ("https://0.0.0.0/", "unspecified"),
        ("https://[::]/", "unspecified"),
        ("https://169.254.169.254/latest/meta-data/", "link_local"),
        ("https://168.63.129.16/", "link_local"),
        ("https://[fe80::1]/", "link_local"),
        ("https://10.0.0.1/", "private_network"),
        ("https://172.31.255.255/", "private_network"),
        ("https://192.168.0.1/", "private_network"),
        ("https://[fd00:ec2::254]/", "private_network"),
        ("https://100.64.0.1/", "shared_network"),
        ("https://100.100.100.200/", "shared_network"),
        ("https://224.0.0.1/", "multicast"),
        ("https://[ff02::1]/", "multicast"),
        ("https://192.0.0.192/", "reserved"),
        ("https://192.88.99.1/", "reserved"),
        ("https://198.18.0.1/", "reserved"),
        ("https://240.0.0.1/", "reserved"),
        ("https://255.255.255.255/", "reserved"),
        ("https://[fec0::1]/", "reserved"),
        ("https://[2001:db8::1]/", "reserved"),
        ("https://[4000::1]/", "reserved"),
        ("https://[::ffff:127.0.0.1]/", "embedded_ipv4"),
        ("https://[::ffff:a9fe:a9fe]/", "embedded_ipv4"),
        ("https://[::127.0.0.1]/", "embedded_ipv4"),
        ("https://[64:ff9b::a9fe:a9fe]/", "embedded_ipv4"),
        ("https://[64:ff9b:1::1]/", "embedded_ipv4"),
        ("https://[2002:7f00:1::]/", "embedded_ipv4"),
        ("https://[2001:0:53aa:64c::1]/", "embedded_ipv4"),
        ("https://[fe80::1%25eth0]/", "zone_id"),
        ("https://[fe80::1%eth0]/", "zone_id"),
        ("https://2130706433/", "host_spelling"),
        ("https://0x7f000001/", "host_spelling"),
        ("https://0x7f.0.0.1/", "host_spelling"),
        ("https://0x/", "host_spelling"),
        ("https://a.0x7f/", "host_spelling"),
        ("https://017700000001/", "host_spelling"),
        ("https://0177.0.0.1/", "host_spelling"),
        ("https://127.0.0.01/", "host_spelling"),
        ("https://127.1/", "host_spelling"),
        ("https://127.0.1/", "host_spelling"),
        ("https://1.2.3.4.5/", "host_spelling"),
        ("https://127.0.0.1./", "host_spelling"),
        ("https://example.com./", "host_spelling"),
        ("https://localhost./", "host_spelling"),
        ("https://.example.com/", "host_spelling"),
        ("https://a..example.com/", "host_spelling"),
        ("https://-a.example.com/", "host_spelling"),
        ("https://a_b.example.com/", "host_spelling"),
        ("https://exa%6dple.com/", "host_spelling"),
        ("https://127.0.0.1%2f.example.com/", "host_spelling"),
        ("https:///", "host_spelling"),
        ("https://:443/", "host_spelling"),
        ("https://[::1/", "host_spelling"),
        ("https://[]/", "host_spelling"),
        ("https://[127.0.0.1]/", "host_spelling"),
        ("https://example.com:/", "host_spelling"),
        ("https://example.com:443:80/", "host_spelling"),
        ("https://example.com:+443/", "host_spelling"),
        (f"https://{'a' * 64}.example.com/", "host_spelling"),
        (f"https://{'a.' * 130}example.com/", "host_spelling"),
        ("https://user@example.com/", "user_info"),
        ("https://user:secret@example.com/", "user_info"),
        ("https://example.com@127.0.0.1/", "user_info"),
        ("https://@example.com/", "user_info"),
        ("https://example.com/#part", "fragment"),
        ("https://example.com#@127.0.0.1/", "fragment"),
        ("https://example.com\\@127.0.0.1/", "characters"),
        ("https://example.com\\.evil.com/", "characters"),
        ("https://example.com/ ", "characters"),
        (" https://example.com/", "characters"),
        ("https://example.com/\r\nX-Header: 1", "characters"),
        ("https://example.com/\t", "characters"),
        ("https://example.com/\x00", "characters"),
        # full-width digits, circled digits, an ideographic full stop, a soft hyphen, a Kelvin sign
        ("https://\uff11\uff12\uff17.0.0.1/", "characters"),
        ("https://\u2460\u2461\u2466.0.0.1/", "characters"),
        ("https://127\u30020\u30020\u30021/", "characters"),
        ("https://local\u00adhost/", "characters"),
        ("https://example.com/\u00e9", "characters"),
        ("http://example.com/", "scheme"),
        ("HTTPS://example.com/", "scheme"),
        ("https:/example.com/", "scheme"),
        ("https:example.com", "scheme"),
        ("//example.com/", "scheme"),
        ("/hook", "scheme"),
        ("ftp://example.com/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("gopher://127.0.0.1:6379/_", "scheme"),
        ("", "scheme"),
        ("https://example.com:8443/", "port"),
        ("https://example.com:80/", "port"),
        ("https://example.com:22/", "port"),
        ("https://example.com:0/", "port"),
        ("https://example.com:99999/", "port"),
        (f"https://example.com/{'a' * 2048}", "length"),
    ],
)  # fmt: skip
def test_refused(url: str, rule: str) -> None:
    assert rule_of(url) == rule


@pytest.mark.parametrize(
    ("url", "target"),
    [
        (
            "https://example.com",
            Target(scheme="https", host="example.com", port=443, path="/", literal=False),
        ),
        (
            "https://Hooks.Example.COM:443/a/b?c=d&e=%20",
            Target(
                scheme="https",
                host="hooks.example.com",
                port=443,
                path="/a/b?c=d&e=%20",
                literal=False,
            ),
        ),
        (
            "https://example.com?x",
            Target(scheme="https", host="example.com", port=443, path="/?x", literal=False),
        ),
        (
            "https://xn--bcher-kva.example/@a",
            Target(
                scheme="https", host="xn--bcher-kva.example", port=443, path="/@a", literal=False
            ),
        ),
        (
            "https://8.8.8.8/",
            Target(scheme="https", host="8.8.8.8", port=443, path="/", literal=True),
        ),
        (
            "https://[2606:4700:4700:0::1111]/",
            Target(scheme="https", host="2606:4700:4700::1111", port=443, path="/", literal=True),
        ),
    ],
)
def test_taken(url: str, target: Target) -> None:
    assert check_url(url, CLOSED) == target


@pytest.mark.parametrize(
    "url",
    ["http://localhost:3000/", "http://127.0.0.1:8000/hook", "https://[::1]:8443/", "http://a.b/"],
)
def test_a_laptop_may_call_itself(url: str) -> None:
    assert rule_of(url, LAPTOP) == ""


@pytest.mark.parametrize("url", ["http://192.168.0.1/", "http://169.254.169.254/", "http://[::]/"])
def test_a_laptop_may_call_nothing_near_it(url: str) -> None:
    assert rule_of(url, LAPTOP) in {"private_network", "link_local", "unspecified"}


def test_http_opens_its_port_with_it() -> None:
    policy = EgressPolicy(allow_http=True)
    assert rule_of("http://example.com/", policy) == ""
    assert rule_of("http://example.com:8080/", policy) == "port"
    assert rule_of("https://example.com:8443/", EgressPolicy(ports=frozenset({8443}))) == ""
    assert rule_of("https://example.com/", EgressPolicy(ports=frozenset({8443}))) == "port"


@example("https://[::1]:443/")
@example("https://8.8.8.8:443/?")
@given(
    st.from_regex(r"https?://[0-9a-z.:\[\]@%\\#?/-]{1,40}", fullmatch=True)
    | st.from_regex(r"https://(0x[0-9a-f]{1,8}|[0-9]{1,10}|0[0-7]{1,11})(\.(0x)?[0-9]{1,3}){0,4}/?", fullmatch=True)
    | st.text(max_size=60).map("https://".__add__)
)  # fmt: skip
def test_what_passes_is_plain(url: str) -> None:
    """Whatever is written: it is refused by a rule, or its pieces make up a URL that reads the same."""
    try:
        target = check_url(url, LAPTOP)
    except EgressRefused:
        return
    again = f"{target.scheme}://{target.authority}{target.path}"
    assert check_url(again, LAPTOP) == target
    assert url.isascii()
    assert not set("@%\\#") & set(target.host)


def test_hosts_tell_servers_apart() -> None:
    assert host_of("https://A.example/x") == host_of("https://a.example:443/y") == "a.example"
    assert host_of("https://[2001:db8::1]:8443/") == host_of("https://[2001:db8::1]") != ""
    assert host_of("nonsense") == ""


def test_the_operator_opens_more() -> None:
    policy = opened(
        Environ(
            {
                "TIDINGS_EGRESS_ALLOW_HTTP": "yes",
                "TIDINGS_EGRESS_NETWORKS": "10.1.0.0/16, fd00::/8",
                "TIDINGS_EGRESS_PORTS": "443,8443",
            }
        )
    )
    assert policy == EgressPolicy(
        allow_http=True,
        networks=(ip_network("10.1.0.0/16"), ip_network("fd00::/8")),
        ports=frozenset({443, 8443}),
    )
    assert opened(Environ({})) == CLOSED
    assert opened(Environ({"TIDINGS_EGRESS_PORTS": "*"})).ports is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("TIDINGS_EGRESS_NETWORKS", "10.1.2.3/16"),
        ("TIDINGS_EGRESS_NETWORKS", "intranet"),
        ("TIDINGS_EGRESS_PORTS", "https"),
        ("TIDINGS_EGRESS_PORTS", "443,70000"),
    ],
)
def test_a_wrong_setting_names_itself(key: str, value: str) -> None:
    with pytest.raises(SettingError, match=key):
        opened(Environ({key: value}))
