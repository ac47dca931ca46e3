"""Bad input gets a typed error that tells the fix, and nothing is stored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct

from cli.serve import Cluster
from tests.support.api import (
    TEMPLATE,
    Api,
    error_info,
    open_api,
    send_request,
    violated_fields,
)
from tidings.access.v1.access_service_pb2 import (
    CreateApiKeyRequest,
    GetJsonWebKeySetRequest,
    IssueRecipientTokenRequest,
    RevokeApiKeyRequest,
)
from tidings.common.v1.authorization_pb2 import Scope
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL, CHANNEL_IN_APP
from tidings.inbox.v1.inbox_service_pb2 import ListInboxItemsRequest
from tidings.ingestion.v1.ingestion_service_pb2 import (
    GetNotificationRequest,
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
SEND = "/tidings.ingestion.v1.IngestionService/SendNotification"


async def refusal(call: Awaitable[object]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


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
        (lambda r: r.ClearField("request_id"), "INVALID_FIELD", ["request_id"], "request_id"),
        (lambda r: setattr(r, "request_id", "x" * 129), "INVALID_FIELD", ["request_id"], ""),
        (lambda r: setattr(r, "recipient_id", "al ice"), "INVALID_FIELD", ["recipient_id"], ""),
        (lambda r: setattr(r, "category", "Order"), "INVALID_FIELD", ["category"], ""),
        (lambda r: r.ClearField("template"), "INVALID_FIELD", ["template"], "required"),
        (lambda r: r.channels.append(77), "INVALID_FIELD", ["channels[0]"], "defined"),
        (
            lambda r: r.channels.extend([CHANNEL_EMAIL, CHANNEL_EMAIL]),
            "INVALID_FIELD",
            ["channels"],
            "unique",
        ),
        (lambda r: setattr(r, "priority", 9), "INVALID_FIELD", ["priority"], "defined"),
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
    assert error.code() is Status.INVALID_ARGUMENT
    assert error_info(error).reason == reason
    assert error_info(error).domain == "tidings.dev"
    assert violated_fields(error) == fields
    assert words in (error.details() or "")
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
    assert error_info(error).reason == "CHANNEL_NOT_IN_TEMPLATE"
    assert violated_fields(error) == ["channels[1]"]


async def test_a_request_id_with_another_payload_is_refused(api: Api) -> None:
    await api.seed()
    await api.send(request_id="one", variables={"order": 1})
    error = await refusal(api.send(request_id="one", variables={"order": 2}))
    assert (error.code(), error_info(error).reason) == (Status.ALREADY_EXISTS, "REQUEST_ID_REUSED")


async def test_garbage_bytes_are_told_from_a_fault_of_ours(cluster: Cluster, api: Api) -> None:
    async with grpc.aio.insecure_channel(cluster.public_address) as channel:
        call: Raw = channel.unary_unary(SEND)
        error = await refusal(call(b"\xff\xff\xff garbage", metadata=api.metadata))
    assert (error.code(), error_info(error).reason) == (
        Status.INVALID_ARGUMENT,
        "MALFORMED_REQUEST",
    )
    assert error_info(error).metadata["message"] == "tidings.ingestion.v1.SendNotificationRequest"


async def test_an_oversized_request_is_refused_with_the_limit(api: Api) -> None:
    error = await refusal(api.send(variables={"order": "x" * (1 << 20)}))
    assert (error.code(), error_info(error).reason) == (
        Status.RESOURCE_EXHAUSTED,
        "REQUEST_TOO_LARGE",
    )
    assert error_info(error).metadata["limit"] == "1048576"


async def test_an_unknown_method_is_named(cluster: Cluster, api: Api) -> None:
    path = "/tidings.ingestion.v1.IngestionService/Send"
    async with grpc.aio.insecure_channel(cluster.public_address) as channel:
        call: Raw = channel.unary_unary(path)
        error = await refusal(call(b"", metadata=api.metadata))
    assert (error.code(), error_info(error).reason) == (Status.UNIMPLEMENTED, "METHOD_NOT_FOUND")


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ((), "CREDENTIAL_MISSING"),
        ((("authorization", "Basic YTpi"),), "CREDENTIAL_MISSING"),
        ((("authorization", "Bearer tdg_nonsense"),), "CREDENTIAL_INVALID"),
        ((("authorization", "Bearer a.b.c"),), "CREDENTIAL_INVALID"),
        ((("authorization", "Bearer "),), "CREDENTIAL_INVALID"),
    ],
)
async def test_without_a_good_credential_nothing_goes(
    api: Api, metadata: tuple[tuple[str, str], ...], reason: str
) -> None:
    call = api.ingestion.SendNotification(send_request(), metadata=metadata)
    error = await refusal(call)
    assert (error.code(), error_info(error).reason) == (Status.UNAUTHENTICATED, reason)


async def test_the_public_keys_need_no_credential(api: Api) -> None:
    response = await api.access.GetJsonWebKeySet(GetJsonWebKeySetRequest())
    assert '"kid"' in response.json_web_key_set


async def limited(api: Api, *scopes: Scope.ValueType) -> tuple[tuple[str, str], ...]:
    response = await api.access.CreateApiKey(
        CreateApiKeyRequest(display_name="limited", scopes=scopes), metadata=api.metadata
    )
    return (("authorization", f"Bearer {response.secret}"),)


async def test_a_key_without_the_scope_is_refused_with_its_name(api: Api) -> None:
    metadata = await limited(api, Scope.SCOPE_NOTIFICATIONS_READ)
    error = await refusal(api.ingestion.SendNotification(send_request(), metadata=metadata))
    assert (error.code(), error_info(error).reason) == (Status.PERMISSION_DENIED, "SCOPE_MISSING")
    assert error_info(error).metadata["scope"] == "notifications:send"


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
    assert error_info(error).reason == "CREDENTIAL_INVALID"


async def test_another_tenants_ids_do_not_exist(cluster: Cluster, api: Api) -> None:
    await api.seed()
    answer = await api.send()
    async with open_api(cluster) as stranger:
        error = await refusal(stranger.get(answer.notification_id))
        assert (error.code(), error_info(error).reason) == (
            Status.NOT_FOUND,
            "NOTIFICATION_NOT_FOUND",
        )
        # The stranger's own recipient of the same id has an empty inbox.
        page = await stranger.inbox.ListInboxItems(
            ListInboxItemsRequest(recipient_id="alice"), metadata=stranger.metadata
        )
        assert not page.items
        error = await refusal(stranger.send())
        assert error_info(error).reason in {"TEMPLATE_NOT_FOUND", "CATEGORY_NOT_FOUND"}


async def test_a_recipient_token_opens_its_own_inbox_only(api: Api) -> None:
    await api.seed(["alice", "bob"])
    response = await api.access.IssueRecipientToken(
        IssueRecipientTokenRequest(recipient_id="alice"), metadata=api.metadata
    )
    metadata = (("authorization", f"Bearer {response.token}"),)
    page = await api.inbox.ListInboxItems(ListInboxItemsRequest(), metadata=metadata)
    assert page.counts.total == 0
    error = await refusal(
        api.inbox.ListInboxItems(ListInboxItemsRequest(recipient_id="bob"), metadata=metadata)
    )
    assert (error.code(), error_info(error).reason) == (
        Status.PERMISSION_DENIED,
        "RECIPIENT_MISMATCH",
    )
    error = await refusal(api.ingestion.SendNotification(send_request(), metadata=metadata))
    assert error_info(error).reason == "SCOPE_MISSING"


async def test_the_internal_listener_wants_the_cluster_credential(cluster: Cluster) -> None:
    path = "/tidings.internal.access.v1.TenantService/CreateTenant"
    async with grpc.aio.insecure_channel(cluster.internal_address) as channel:
        call: Raw = channel.unary_unary(path)
        error = await refusal(call(b""))
    assert (error.code(), error_info(error).reason) == (
        Status.UNAUTHENTICATED,
        "CLUSTER_CREDENTIAL_INVALID",
    )


async def test_internal_methods_are_not_on_the_public_listener(cluster: Cluster, api: Api) -> None:
    path = "/tidings.internal.access.v1.TenantService/CreateTenant"
    async with grpc.aio.insecure_channel(cluster.public_address) as channel:
        call: Raw = channel.unary_unary(path)
        error = await refusal(call(b"", metadata=api.metadata))
    assert error.code() is Status.UNIMPLEMENTED


async def test_reading_what_is_no_id_is_refused(api: Api) -> None:
    call = api.ingestion.GetNotification(
        GetNotificationRequest(notification_id="42"), metadata=api.metadata
    )
    error = await refusal(call)
    assert violated_fields(error) == ["notification_id"]
