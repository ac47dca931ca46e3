"""Bad input gets a typed error that tells the fix, and nothing is stored: what `rpcs/table.py` cannot say of
every RPC alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct

from cli.serve import Cluster
from tests.support.api import (
    TEMPLATE,
    Api,
    send_request,
)
from tests.support.refusals import refusal
from tidings.access.v1.access_service_pb2 import (
    CreateApiKeyRequest,
    GetJsonWebKeySetRequest,
    RevokeApiKeyRequest,
)
from tidings.common.v1.authorization_pb2 import Scope
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL, CHANNEL_IN_APP
from tidings.ingestion.v1.ingestion_service_pb2 import (
    SendNotificationRequest,
    TemplateReference,
)
from tidings.template.v1.template_service_pb2 import (
    CreateTemplateRequest,
    EmailSource,
    PublishTemplateRequest,
    TemplateContent,
)

Status = grpc.StatusCode
Raw: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]"


def send_with(change: Callable[[SendNotificationRequest], object]) -> SendNotificationRequest:
    request = send_request(request_id="bad")
    change(request)
    return request


def variables(values: Mapping[str, float]) -> TemplateReference:
    struct = Struct()
    struct.update(values)
    return TemplateReference(name=TEMPLATE, variables=struct)


@pytest.mark.parametrize(
    ("change", "reason", "fields", "words"),
    [
        (
            lambda r: r.metadata.update({"a key": "x"}),
            "INVALID_FIELD",
            ['metadata["a key"]'],
            "must be 1 to 64 letters",
        ),
        (
            lambda r: setattr(r, "recipient_id", "nobody"),
            "RECIPIENT_NOT_FOUND",
            ["recipient_id"],
            "UpsertRecipient",
        ),
        (
            lambda r: setattr(r, "category", "order.shiped"),
            "CATEGORY_NOT_FOUND",
            ["category"],
            "UpsertCategory",
        ),
        (
            lambda r: setattr(r.template, "name", "order-shiped"),
            "TEMPLATE_NOT_FOUND",
            ["template.name"],
            "CreateTemplate",
        ),
        (
            lambda r: setattr(r.template, "version", 9),
            "TEMPLATE_NOT_PUBLISHED",
            ["template.version"],
            "no published version 9",
        ),
        (
            lambda r: r.template.CopyFrom(variables({})),
            "TEMPLATE_VARIABLES_MISMATCH",
            ["template.variables.order"],
            "order-shipped v1 needs `order`; you sent none",
        ),
        (
            lambda r: r.template.CopyFrom(variables({"order": 1, "oder": 2})),
            "TEMPLATE_VARIABLES_MISMATCH",
            ["template.variables.oder"],
            "order-shipped v1 does not declare `oder`; you sent `oder`, `order`",
        ),
    ],
)
async def test_a_send_that_does_not_fit_is_refused(
    api: Api,
    change: Callable[[SendNotificationRequest], object],
    reason: str,
    fields: list[str],
    words: str,
) -> None:
    await api.seed()
    call = api.ingestion.SendNotification(send_with(change), metadata=api.metadata)
    error = await refusal(call)
    assert error.code is Status.INVALID_ARGUMENT
    assert error.reason == reason
    assert list(error.violations) == fields
    assert words in error.message
    # Nothing was stored: the same request id is free for a good request.
    if reason != "INVALID_FIELD":
        assert not (await api.send(request_id="bad")).replayed


async def test_a_channel_without_content_is_refused(api: Api) -> None:
    await api.seed()
    content = TemplateContent(email=EmailSource(subject="hi", text="hi"))
    await api.templates.CreateTemplate(
        CreateTemplateRequest(name="mail-only", content=content), metadata=api.metadata
    )
    await api.templates.PublishTemplate(
        PublishTemplateRequest(name="mail-only"), metadata=api.metadata
    )
    error = await refusal(
        api.send(template="mail-only", variables={}, channels=[CHANNEL_EMAIL, CHANNEL_IN_APP])
    )
    assert error.reason == "CHANNEL_NOT_IN_TEMPLATE"
    assert list(error.violations) == ["channels[1]"]


async def test_an_unknown_method_is_named(cluster: Cluster, api: Api) -> None:
    path = "/tidings.ingestion.v1.IngestionService/Send"
    async with grpc.aio.insecure_channel(cluster.public_address) as channel:
        call: Raw = channel.unary_unary(path)
        error = await refusal(call(b"", metadata=api.metadata))
    assert (error.code, error.reason) == (Status.UNIMPLEMENTED, "METHOD_NOT_FOUND")


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ((("authorization", "Basic YTpi"),), "CREDENTIAL_MISSING"),
        ((("authorization", "Bearer a.b.c"),), "CREDENTIAL_INVALID"),
        ((("authorization", "Bearer "),), "CREDENTIAL_INVALID"),
    ],
)
async def test_without_a_good_credential_nothing_goes(
    api: Api, metadata: tuple[tuple[str, str], ...], reason: str
) -> None:
    call = api.ingestion.SendNotification(send_request(), metadata=metadata)
    error = await refusal(call)
    assert (error.code, error.reason) == (Status.UNAUTHENTICATED, reason)


async def test_the_public_keys_need_no_credential(api: Api) -> None:
    response = await api.access.GetJsonWebKeySet(GetJsonWebKeySetRequest())
    assert '"kid"' in response.json_web_key_set


async def test_a_revoked_key_is_refused_when_it_was_not_seen_yet(api: Api) -> None:
    response = await api.access.CreateApiKey(
        CreateApiKeyRequest(display_name="short", scopes=[Scope.SCOPE_NOTIFICATIONS_READ]),
        metadata=api.metadata,
    )
    await api.access.RevokeApiKey(
        RevokeApiKeyRequest(key_id=response.api_key.key_id), metadata=api.metadata
    )
    metadata = (("authorization", f"Bearer {response.secret}"),)
    error = await refusal(api.ingestion.SendNotification(send_request(), metadata=metadata))
    assert error.reason == "CREDENTIAL_INVALID"


async def test_the_internal_listener_wants_the_cluster_credential(cluster: Cluster) -> None:
    path = "/tidings.internal.access.v1.TenantService/CreateTenant"
    async with grpc.aio.insecure_channel(cluster.internal_address) as channel:
        call: Raw = channel.unary_unary(path)
        error = await refusal(call(b""))
    assert (error.code, error.reason) == (
        Status.UNAUTHENTICATED,
        "CLUSTER_CREDENTIAL_INVALID",
    )


async def test_internal_methods_are_not_on_the_public_listener(cluster: Cluster, api: Api) -> None:
    path = "/tidings.internal.access.v1.TenantService/CreateTenant"
    async with grpc.aio.insecure_channel(cluster.public_address) as channel:
        call: Raw = channel.unary_unary(path)
        error = await refusal(call(b"", metadata=api.metadata))
    assert error.code is Status.UNIMPLEMENTED
