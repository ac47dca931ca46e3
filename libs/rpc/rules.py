"""Who may call what: read from the `authorization` option that each public RPC carries."""

from __future__ import annotations

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor

from libs.errors import Cause, TidingsError
from libs.identity.caller import Caller
from tidings.common.v1 import authorization_pb2
from tidings.common.v1.authorization_pb2 import Authorization, Scope


class ScopeMissing(TidingsError):
    """The credential is good, but not for this."""

    cause = Cause.PERMISSION_DENIED
    reason = "SCOPE_MISSING"

    def __init__(self, scope: str) -> None:
        super().__init__(
            f"this key lacks the scope {scope}; create one that has it",
            metadata={"scope": scope},
        )


def scope_name(scope: int) -> str:
    """Returns a scope as people write it: `notifications:send`, `admin`."""
    words = Scope.Name(Scope.ValueType(scope)).removeprefix("SCOPE_").lower()
    return ":".join(words.rsplit("_", 1))


def find_method(path: str) -> MethodDescriptor:
    """Returns the descriptor of `/package.Service/Method`; KeyError when there is none."""
    service, _, method = path.removeprefix("/").partition("/")
    return descriptor_pool.Default().FindServiceByName(service).methods_by_name[method]


def rule_of(method: MethodDescriptor) -> Authorization:
    """Returns the method's rule. Without one it names no scope, which `check` refuses to everybody."""
    return method.GetOptions().Extensions[authorization_pb2.authorization]


def max_request_bytes(method: MethodDescriptor) -> int:
    """Returns the largest request the method accepts; 0 where it does not say."""
    return method.GetOptions().Extensions[authorization_pb2.max_request_bytes]


def check(rule: Authorization, caller: Caller) -> None:
    """Raises ScopeMissing unless the caller holds the rule's scope."""
    if rule.scope == Scope.SCOPE_UNSPECIFIED:
        raise ScopeMissing("(none is defined for this method)")
    if rule.scope not in caller.scopes and Scope.SCOPE_ADMIN not in caller.scopes:
        raise ScopeMissing(scope_name(rule.scope))
