"""Every public RPC says who may call it; what says nothing is refused."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from google.protobuf.descriptor import MethodDescriptor

from libs.identity.caller import Caller
from libs.rpc import rules
from tidings.common.v1.authorization_pb2 import Authorization, Scope

PROTOS = Path(__file__).parents[3] / "protos"


def public_methods() -> list[MethodDescriptor]:
    methods: list[MethodDescriptor] = []
    for path in sorted(PROTOS.glob("tidings/*/v1/*_service.proto")):
        module = import_module(".".join(path.relative_to(PROTOS).with_suffix("").parts) + "_pb2")
        for service in module.DESCRIPTOR.services_by_name.values():
            methods.extend(service.methods)
    return methods


def caller(*scopes: Scope.ValueType) -> Caller:
    return Caller(tenant_id="demo", subject="key", scopes=frozenset(scopes))


@pytest.mark.parametrize("method", public_methods(), ids=lambda method: method.full_name)
def test_every_public_method_has_one_rule(method: MethodDescriptor) -> None:
    rule = rules.rule_of(method)
    assert bool(rule.scope) != rule.anonymous


def test_there_are_public_methods() -> None:
    assert len(public_methods()) > 20


def test_only_the_public_keys_are_anonymous() -> None:
    anonymous = [m.full_name for m in public_methods() if rules.rule_of(m).anonymous]
    assert anonymous == ["tidings.access.v1.AccessService.GetJsonWebKeySet"]


def test_a_scope_opens_its_own_methods_only() -> None:
    send = Authorization(scope=Scope.SCOPE_NOTIFICATIONS_SEND)
    rules.check(send, caller(Scope.SCOPE_NOTIFICATIONS_SEND))
    rules.check(send, caller(Scope.SCOPE_ADMIN))
    with pytest.raises(rules.ScopeMissing, match="notifications:send"):
        rules.check(send, caller(Scope.SCOPE_NOTIFICATIONS_READ))


def test_a_method_without_a_rule_is_closed_to_everybody() -> None:
    with pytest.raises(rules.ScopeMissing):
        rules.check(Authorization(), caller(Scope.SCOPE_ADMIN))


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        (Scope.SCOPE_ADMIN, "admin"),
        (Scope.SCOPE_NOTIFICATIONS_SEND, "notifications:send"),
        (Scope.SCOPE_INBOX_READ, "inbox:read"),
    ],
)
def test_scope_names(scope: Scope.ValueType, name: str) -> None:
    assert rules.scope_name(scope) == name
