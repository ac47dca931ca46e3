"""What is derived from the cluster secret stands apart, and proves it without telling it."""

from __future__ import annotations

import pytest

from libs.cluster_secret import ClusterSecrets, derive, framed
from libs.rpc.pipeline import (
    CLUSTER_CREDENTIAL,
    ClusterCredentialInvalid,
    ClusterGate,
    cluster_credential,
)

OLD, NEW = "the secret that was there before it", "the secret that comes to replace it"


def shown(credential: str) -> dict[str, str]:
    return {CLUSTER_CREDENTIAL: credential}


async def test_what_goes_over_the_wire_is_not_the_secret() -> None:
    gate = ClusterGate(ClusterSecrets(NEW))
    assert NEW not in cluster_credential(NEW)
    await gate.admit("", shown(cluster_credential(NEW)))
    for credential in (NEW, cluster_credential(OLD), "", "ümlaut"):
        with pytest.raises(ClusterCredentialInvalid):
            await gate.admit("", shown(credential))
    with pytest.raises(ClusterCredentialInvalid):
        await gate.admit("", {})


async def test_while_one_secret_replaces_the_other_both_are_admitted() -> None:
    for gate in (ClusterGate(ClusterSecrets(NEW, OLD)), ClusterGate(ClusterSecrets(OLD, NEW))):
        await gate.admit("", shown(cluster_credential(OLD)))
        await gate.admit("", shown(cluster_credential(NEW)))


async def test_no_other_secret_is_not_an_empty_one() -> None:
    with pytest.raises(ClusterCredentialInvalid):
        await ClusterGate(ClusterSecrets(NEW)).admit("", shown(cluster_credential("")))


def test_each_purpose_and_context_has_a_value_of_its_own() -> None:
    derived = {
        derive(NEW, "a"),
        derive(NEW, "b"),
        derive(OLD, "a"),
        derive(NEW, "a", "b"),
        derive(NEW, "ab"),
        derive(NEW, "a", "b", ""),
    }
    assert len(derived) == 6
    assert {len(value) for value in derived} == {32}


def test_parts_cannot_be_cut_otherwise() -> None:
    assert framed([b"a", b"bc"]) != framed([b"ab", b"c"])
    assert framed([b"a"]) != framed([b"a", b""])


def test_secrets_do_not_show_where_values_are_printed() -> None:
    assert repr(ClusterSecrets(NEW, OLD)) == "ClusterSecrets()"
