"""Values of enums as people write them: lower case, without their prefix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer
from google.protobuf.descriptor import EnumDescriptor

from libs.rpc.rules import scope_name as _scope_name
from tidings.common.v1.authorization_pb2 import Scope
from tidings.common.v1.channel_pb2 import Channel
from tidings.common.v1.priority_pb2 import Priority
from tidings.dispatch.v1.dead_letter_service_pb2 import DeadLetterReason
from tidings.dispatch.v1.delivery_pb2 import AttemptOutcome, DeliveryState
from tidings.inbox.v1.inbox_stream_service_pb2 import ClosingReason, ResyncReason
from tidings.ingestion.v1.ingestion_service_pb2 import CancellationResult
from tidings.ingestion.v1.notification_pb2 import NotificationState
from tidings.preference.v1.category_service_pb2 import CategoryClass, Guarantee
from tidings.preference.v1.channel_decision_pb2 import ChannelDecisionReason
from tidings.tracking.v1.fact_pb2 import FactType
from tidings.tracking.v1.report_service_pb2 import CountInterval


class EnumNames:
    """Both ways between the numbers of one enum and its short names."""

    # Any: the wrapper's own type differs per enum.
    def __init__(self, enum: Any, noun: str) -> None:
        descriptor: EnumDescriptor = enum.DESCRIPTOR
        unspecified = descriptor.values_by_number[0].name
        self._prefix = unspecified.removesuffix("UNSPECIFIED")
        self._noun = noun
        self._by_number = {
            value.number: self._short(value.name) for value in descriptor.values if value.number
        }
        self._by_name = {name: number for number, name in self._by_number.items()}

    def _short(self, name: str) -> str:
        return name.removeprefix(self._prefix).lower()

    def name(self, number: int) -> str:
        """Returns the short name; for a value that this version does not know, its number."""
        return self._by_number.get(number, f"{self._noun} {number}" if number else "-")

    def names(self, numbers: Sequence[int]) -> str:
        """Returns the short names, separated by spaces."""
        return " ".join(self.name(number) for number in numbers)

    # Any: the number is what the generated code takes for its enum.
    def parse(self, text: str) -> Any:
        """Returns the number; raises a usage error that lists the names."""
        try:
            return self._by_name[text.lower().replace("-", "_")]
        except KeyError:
            raise typer.BadParameter(
                f"{text!r} is no {self._noun}; choose from {', '.join(self._by_name)}"
            ) from None

    @property
    def metavar(self) -> str:
        """The names, as a usage line shows them."""
        return "|".join(self._by_name)


class _ScopeNames(EnumNames):
    def __init__(self) -> None:
        super().__init__(Scope, "scope")

    def _short(self, name: str) -> str:
        return _scope_name(Scope.Value(name))

    def parse(self, text: str) -> Any:
        try:
            return self._by_name[text.lower()]
        except KeyError:
            raise typer.BadParameter(
                f"{text!r} is no scope; choose from {', '.join(self._by_name)}"
            ) from None


CHANNELS = EnumNames(Channel, "channel")
PRIORITIES = EnumNames(Priority, "priority")
SCOPES = _ScopeNames()
CLASSES = EnumNames(CategoryClass, "class")
GUARANTEES = EnumNames(Guarantee, "guarantee")
NOTIFICATION_STATES = EnumNames(NotificationState, "state")
DELIVERY_STATES = EnumNames(DeliveryState, "state")
FACT_TYPES = EnumNames(FactType, "fact")
INTERVALS = EnumNames(CountInterval, "interval")
OUTCOMES = EnumNames(AttemptOutcome, "outcome")
CANCELLATION_RESULTS = EnumNames(CancellationResult, "result")
DEAD_LETTER_REASONS = EnumNames(DeadLetterReason, "reason")
DECISION_REASONS = EnumNames(ChannelDecisionReason, "decision")
CLOSING_REASONS = EnumNames(ClosingReason, "reason")
RESYNC_REASONS = EnumNames(ResyncReason, "reason")
