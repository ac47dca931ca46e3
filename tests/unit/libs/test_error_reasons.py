"""Every error that may leave the house has a published reason."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

import pytest

import libs
import services
from libs.errors import Cause, TidingsError
from libs.rpc.status import STATUS_OF_CAUSE
from tidings.common.v1.error_reason_pb2 import ErrorReason


def load_all(package: ModuleType) -> None:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith("__main__"):
            import_module(module.name)


def errors(base: type[TidingsError] = TidingsError) -> Iterator[type[TidingsError]]:
    for error in base.__subclasses__():
        yield error
        yield from errors(error)


load_all(libs)
load_all(services)
PUBLISHED = set(ErrorReason.keys())
CONCRETE = [error for error in errors() if hasattr(error, "reason")]


def test_errors_were_found() -> None:
    assert len(CONCRETE) > 20


@pytest.mark.parametrize("error", CONCRETE, ids=lambda error: error.__name__)
def test_its_reason_is_published(error: type[TidingsError]) -> None:
    assert f"ERROR_REASON_{error.reason}" in PUBLISHED
    assert error.cause in Cause


def test_every_cause_has_a_status() -> None:
    assert set(STATUS_OF_CAUSE) == set(Cause)
