"""A row for every public RPC: a good request, and what another tenant gets for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from google.protobuf import field_mask_pb2, struct_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from tests.e2e.rpcs.world import World
from tests.support.api import BOTH, send_request
from tidings.access.v1 import access_service_pb2 as access
from tidings.common.v1.authorization_pb2 import Scope
from tidings.common.v1.channel_pb2 import CHANNEL_EMAIL
from tidings.common.v1.priority_pb2 import PRIORITY_HIGH
from tidings.dispatch.v1 import dead_letter_service_pb2 as dead_letters
from tidings.dispatch.v1 import webhook_service_pb2 as webhooks
from tidings.dispatch.v1.delivery_pb2 import DELIVERY_STATE_SENT
from tidings.inbox.v1 import inbox_service_pb2 as inbox
from tidings.inbox.v1 import inbox_stream_service_pb2 as stream
from tidings.ingestion.v1 import ingestion_service_pb2 as ingestion
from tidings.ingestion.v1.notification_pb2 import NOTIFICATION_STATE_PLANNED
from tidings.preference.v1 import category_service_pb2 as categories
from tidings.preference.v1 import preference_service_pb2 as preferences
from tidings.preference.v1 import recipient_service_pb2 as recipients
from tidings.template.v1 import template_service_pb2 as templates
from tidings.tracking.v1 import report_service_pb2 as reports


class Elsewhere(Enum):
    """What a tenant gets who asks for another's things."""

    NOT_FOUND = auto()
    """The same as if there were none."""
    REFUSED = auto()
    """Bad input: it names what that tenant does not have."""
    NOTHING = auto()
    """An answer without a trace of the other's."""
    ITS_OWN = auto()
    """It makes or reads a thing of that name of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How a method is called well."""

    request: Callable[[World], Message]
    elsewhere: Elsewhere
    other_payload: Callable[[Message], None] | None = None
    """Makes it another request with the same request id."""
    also_needs: Sequence[Scope.ValueType] = ()
    """Scopes beyond the method's own that this request needs."""


def _content(subject: str = "Order {{ order }}") -> templates.TemplateContent:
    return templates.TemplateContent(
        variables=[templates.TemplateVariable(name="order", description="Its number")],
        email=templates.EmailSource(subject=subject, text="{{ order }}", html="{{ order }}"),
        in_app=templates.InAppSource(title="{{ order }}", body="b", action_url="https://e.com"),
        webhook=templates.WebhookSource(data="{{ order | tojson }}"),
    )


def _category(world: World) -> categories.Category:
    category = categories.Category(
        name=world.category, channels=BOTH, priority=PRIORITY_HIGH, ttl=Duration(seconds=60)
    )
    category.category_class = categories.CATEGORY_CLASS_TRANSACTIONAL
    return category


def _recipient(world: World) -> recipients.Recipient:
    return recipients.Recipient(
        recipient_id=world.recipient_id,
        emails=["alice@example.com"],
        phone_numbers=["+4915112345678"],
        locale="de-DE",
        time_zone="Europe/Berlin",
    )


def _send(world: World) -> ingestion.SendNotificationRequest:
    request = send_request(world.recipient_id, request_id="row", channels=BOTH)
    request.metadata["order"] = "42"
    request.collapse_key = "row"
    request.ttl.seconds = 3600
    return request


def _rename(message: Message) -> None:
    """Changes the first text that is free to change."""
    for name in ("display_name", "title"):
        if name in message.DESCRIPTOR.fields_by_name:
            setattr(message, name, "another")
            return
    raise AssertionError(message)


def _mask(*paths: str) -> field_mask_pb2.FieldMask:
    return field_mask_pb2.FieldMask(paths=paths)


def _variables() -> struct_pb2.Struct:
    variables = struct_pb2.Struct()
    variables.update({"order": 42})
    return variables


def _set(path: str, value: object) -> Callable[[Message], None]:
    def change(message: Message) -> None:
        *holders, name = path.split(".")
        holder: object = message
        for step in holders:
            holder = getattr(holder, step)
        if isinstance(value, list):
            field = getattr(holder, name)
            del field[:]
            field.extend(value)
        else:
            setattr(holder, name, value)

    return change


SHOWING_EVERYTHING = (
    "AccessService.GetApiKey",
    "CategoryService.GetCategory",
    "IngestionService.GetNotification",
    "InboxService.ListInboxItems",
    "PreferenceService.GetPreferences",
    "RecipientService.GetRecipient",
    "TemplateService.GetTemplate",
    "WebhookService.GetWebhookSecrets",
)
"""Methods whose answers together say how a tenant's things are."""

TABLE: Mapping[str, Row] = {
    "AccessService.CreateApiKey": Row(
        request=lambda world: access.CreateApiKeyRequest(
            display_name="n", scopes=[Scope.SCOPE_INBOX_READ], request_id="row"
        ),
        elsewhere=Elsewhere.ITS_OWN,
        other_payload=_rename,
        also_needs=[Scope.SCOPE_INBOX_READ],
    ),
    "AccessService.GetApiKey": Row(
        request=lambda world: access.GetApiKeyRequest(key_id=world.key_id),
        elsewhere=Elsewhere.NOT_FOUND,
    ),
    "AccessService.ListApiKeys": Row(
        request=lambda world: access.ListApiKeysRequest(page_size=200, active_only=True),
        elsewhere=Elsewhere.NOTHING,
    ),
    "AccessService.UpdateApiKey": Row(
        request=lambda world: access.UpdateApiKeyRequest(
            key_id=world.key_id,
            display_name="renamed",
            update_mask=_mask("display_name"),
            request_id="row",
        ),
        elsewhere=Elsewhere.NOT_FOUND,
        other_payload=_rename,
    ),
    "AccessService.RevokeApiKey": Row(
        request=lambda world: access.RevokeApiKeyRequest(key_id=world.key_id),
        elsewhere=Elsewhere.NOT_FOUND,
    ),
    "AccessService.IssueRecipientToken": Row(
        request=lambda world: access.IssueRecipientTokenRequest(recipient_id=world.recipient_id),
        elsewhere=Elsewhere.ITS_OWN,
    ),
    "AccessService.GetJsonWebKeySet": Row(
        request=lambda world: access.GetJsonWebKeySetRequest(), elsewhere=Elsewhere.ITS_OWN
    ),
    "IngestionService.SendNotification": Row(
        request=_send,
        elsewhere=Elsewhere.REFUSED,
        other_payload=_set("priority", PRIORITY_HIGH),
    ),
    "IngestionService.SendNotifications": Row(
        request=lambda world: ingestion.SendNotificationsRequest(entries=[_send(world)]),
        elsewhere=Elsewhere.NOTHING,
    ),
    "IngestionService.CancelNotification": Row(
        request=lambda world: ingestion.CancelNotificationRequest(
            notification_id=world.notification_id
        ),
        elsewhere=Elsewhere.NOT_FOUND,
    ),
    "IngestionService.ListNotifications": Row(
        request=lambda world: ingestion.ListNotificationsRequest(
            recipient_id=world.recipient_id,
            category=world.category,
            states=[NOTIFICATION_STATE_PLANNED],
            accept_time_from=Timestamp(seconds=1),
        ),
        elsewhere=Elsewhere.NOTHING,
    ),
    "IngestionService.GetNotification": Row(
        request=lambda world: ingestion.GetNotificationRequest(
            notification_id=world.notification_id
        ),
        elsewhere=Elsewhere.NOT_FOUND,
    ),
    "RecipientService.UpsertRecipient": Row(
        request=lambda world: recipients.UpsertRecipientRequest(
            recipient=_recipient(world), request_id="row"
        ),
        elsewhere=Elsewhere.ITS_OWN,
        other_payload=_set("recipient.locale", "fr"),
    ),
    "RecipientService.UpsertRecipients": Row(
        request=lambda world: recipients.UpsertRecipientsRequest(recipients=[_recipient(world)]),
        elsewhere=Elsewhere.ITS_OWN,
    ),
    "RecipientService.UpdateRecipient": Row(
        request=lambda world: recipients.UpdateRecipientRequest(
            recipient=_recipient(world), update_mask=_mask("locale"), request_id="row"
        ),
        elsewhere=Elsewhere.NOT_FOUND,
        other_payload=_set("recipient.locale", "fr"),
    ),
    "RecipientService.DeleteRecipient": Row(
        request=lambda world: recipients.DeleteRecipientRequest(
            recipient_id=world.recipient_id, request_id="row"
        ),
        elsewhere=Elsewhere.NOT_FOUND,
        other_payload=_set("recipient_id", "bob"),
    ),
    "RecipientService.GetRecipient": Row(
        request=lambda world: recipients.GetRecipientRequest(recipient_id=world.recipient_id),
        elsewhere=Elsewhere.NOT_FOUND,
    ),
    "RecipientService.ListRecipients": Row(
        request=lambda world: recipients.ListRecipientsRequest(
            page_size=10, id_prefix="al", email="ALICE@example.com"
        ),
        elsewhere=Elsewhere.NOTHING,
    ),
    "CategoryService.UpsertCategory": Row(
        request=lambda world: categories.UpsertCategoryRequest(
            category=_category(world), request_id="row"
        ),
        elsewhere=Elsewhere.ITS_OWN,
        other_payload=_set("category.channels", [CHANNEL_EMAIL]),
    ),
    "CategoryService.UpdateCategory": Row(
        request=lambda world: categories.UpdateCategoryRequest(
            category=_category(world), update_mask=_mask("priority"), request_id="row"
        ),
        elsewhere=Elsewhere.NOT_FOUND,
        other_payload=_set("category.channels", [CHANNEL_EMAIL]),
    ),
    "CategoryService.DeleteCategory": Row(
        request=lambda world: categories.DeleteCategoryRequest(
            name=world.category, request_id="row"
        ),
        elsewhere=Elsewhere.NOT_FOUND,
        other_payload=_set("name", "other"),
    ),
    "CategoryService.GetCategory": Row(
        request=lambda world: categories.GetCategoryRequest(name=world.category),
        elsewhere=Elsewhere.NOT_FOUND,
    ),
    "CategoryService.ListCategories": Row(
        request=lambda world: categories.ListCategoriesRequest(page_size=10, name_prefix="order"),
        elsewhere=Elsewhere.NOTHING,
    ),
    "PreferenceService.UpdatePreferences": Row(
        request=lambda world: preferences.UpdatePreferencesRequest(
            recipient_id=world.recipient_id,
            preferences=[
                preferences.Preference(
                    category=world.category,
                    channel=CHANNEL_EMAIL,
                    choice=preferences.PREFERENCE_CHOICE_ENABLED,
                )
            ],
            request_id="row",
        ),
        elsewhere=Elsewhere.NOT_FOUND,
        other_payload=_set("replace", True),
    ),
    "PreferenceService.GetPreferences": Row(
        request=lambda world: preferences.GetPreferencesRequest(recipient_id=world.recipient_id),
        elsewhere=Elsewhere.NOT_FOUND,
    ),
    "PreferenceService.ListPreferences": Row(
        request=lambda world: preferences.ListPreferencesRequest(
            category=world.category, channel=CHANNEL_EMAIL
        ),
        elsewhere=Elsewhere.NOTHING,
    ),
    "PreferenceService.DeletePreferences": Row(
        request=lambda world: preferences.DeletePreferencesRequest(
            recipient_id=world.recipient_id, request_id="row"
        ),
        elsewhere=Elsewhere.NOT_FOUND,
        other_payload=_set("recipient_id", "bob"),
    ),
    "TemplateService.CreateTemplate": Row(
        request=lambda world: templates.CreateTemplateRequest(
            name="row", content=_content(), request_id="row"
        ),
        elsewhere=Elsewhere.ITS_OWN,
        other_payload=_set("content.email.subject", "other"),
    ),
    "TemplateService.UpdateTemplate": Row(
        request=lambda world: templates.UpdateTemplateRequest(
            name=world.template,
            content=_content(),
            update_mask=_mask("email", "webhook"),
            request_id="row",
        ),
        elsewhere=Elsewhere.NOT_FOUND,
        other_payload=_set("content.email.subject", "other"),
    ),
    "TemplateService.PublishTemplate": Row(
        request=lambda world: templates.PublishTemplateRequest(
            name=world.template, request_id="row"
        ),
        elsewhere=Elsewhere.NOT_FOUND,
        other_payload=_set("name", "other"),
    ),
    "TemplateService.GetTemplate": Row(
        request=lambda world: templates.GetTemplateRequest(name=world.template, version=1),
        elsewhere=Elsewhere.NOT_FOUND,
    ),
    "TemplateService.ListTemplates": Row(
        request=lambda world: templates.ListTemplatesRequest(
            name_prefix="order", published_only=True
        ),
        elsewhere=Elsewhere.NOTHING,
    ),
    "TemplateService.ListTemplateVersions": Row(
        request=lambda world: templates.ListTemplateVersionsRequest(name=world.template),
        elsewhere=Elsewhere.NOT_FOUND,
    ),
    "TemplateService.DeleteTemplate": Row(
        request=lambda world: templates.DeleteTemplateRequest(
            name=world.template, request_id="row"
        ),
        elsewhere=Elsewhere.NOT_FOUND,
        other_payload=_set("name", "other"),
    ),
    "TemplateService.PreviewTemplate": Row(
        request=lambda world: templates.PreviewTemplateRequest(
            name=world.template, version=1, channel=CHANNEL_EMAIL, variables=_variables()
        ),
        elsewhere=Elsewhere.NOT_FOUND,
    ),
    "DeadLetterService.ListDeadLetters": Row(
        request=lambda world: dead_letters.ListDeadLettersRequest(channel=CHANNEL_EMAIL),
        elsewhere=Elsewhere.NOTHING,
    ),
    "WebhookService.GetWebhookSecrets": Row(
        request=lambda world: webhooks.GetWebhookSecretsRequest(recipient_id=world.recipient_id),
        elsewhere=Elsewhere.ITS_OWN,
    ),
    "WebhookService.RotateWebhookSecrets": Row(
        request=lambda world: webhooks.RotateWebhookSecretsRequest(
            overlap=Duration(seconds=60), request_id="row"
        ),
        elsewhere=Elsewhere.ITS_OWN,
        other_payload=lambda request: request.ClearField("overlap"),
    ),
    "InboxService.ListInboxItems": Row(
        request=lambda world: inbox.ListInboxItemsRequest(recipient_id=world.recipient_id),
        elsewhere=Elsewhere.NOTHING,
    ),
    "InboxService.MarkRead": Row(
        request=lambda world: inbox.MarkReadRequest(
            recipient_id=world.recipient_id, item_ids=[world.notification_id]
        ),
        elsewhere=Elsewhere.NOTHING,
    ),
    "InboxStreamService.Subscribe": Row(
        request=lambda world: stream.SubscribeRequest(
            recipient_id=world.recipient_id, snapshot=stream.StartSnapshot(max_items=10)
        ),
        elsewhere=Elsewhere.NOTHING,
    ),
    "ReportService.ListDeliveries": Row(
        request=lambda world: reports.ListDeliveriesRequest(
            recipient_id=world.recipient_id,
            category=world.category,
            states=[DELIVERY_STATE_SENT],
        ),
        elsewhere=Elsewhere.NOTHING,
    ),
    "ReportService.CountDeliveries": Row(
        request=lambda world: reports.CountDeliveriesRequest(
            interval=reports.COUNT_INTERVAL_DAY, category=world.category
        ),
        elsewhere=Elsewhere.NOTHING,
    ),
}
