"""Stores what is missing of the demo's data; what is there, changed or not, stays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from cli.demo.data import PREFERENCES, RECIPIENTS, TEMPLATES, categories
from cli.errors import Refused
from cli.publishing import publish
from cli.session import Session
from cli.template_folder import TemplateFolder, find_template_folders, read_template_folder
from tidings.preference.v1.category_service_pb2 import (
    Category,
    GetCategoryRequest,
    UpsertCategoryRequest,
)
from tidings.preference.v1.category_service_pb2_grpc import CategoryServiceStub
from tidings.preference.v1.preference_service_pb2 import UpdatePreferencesRequest
from tidings.preference.v1.preference_service_pb2_grpc import PreferenceServiceStub
from tidings.preference.v1.recipient_service_pb2 import (
    GetRecipientRequest,
    Recipient,
    UpsertRecipientRequest,
)
from tidings.preference.v1.recipient_service_pb2_grpc import RecipientServiceStub
from tidings.template.v1.template_service_pb2 import GetTemplateRequest
from tidings.template.v1.template_service_pb2_grpc import TemplateServiceStub


async def seed(session: Session) -> None:
    """Stores categories, templates, recipients; then the preferences, which name categories."""
    async with asyncio.TaskGroup() as group:
        for category in categories():
            group.create_task(_category(session, category))
        for folder in find_template_folders(TEMPLATES):
            group.create_task(_template(session, read_template_folder(folder)))
    async with asyncio.TaskGroup() as group:
        for recipient in RECIPIENTS:
            group.create_task(_recipient(session, recipient))


async def _category(session: Session, category: Category) -> None:
    stub = CategoryServiceStub(session.channel)
    if not await _exists(session.ask(stub.GetCategory, GetCategoryRequest(name=category.name))):
        await session.ask(stub.UpsertCategory, UpsertCategoryRequest(category=category))


async def _template(session: Session, folder: TemplateFolder) -> None:
    stub = TemplateServiceStub(session.channel)
    request = GetTemplateRequest(name=folder.name)
    try:
        found = await session.ask(stub.GetTemplate, request)
    except Refused as error:
        if error.reason != "TEMPLATE_NOT_FOUND":
            raise
    else:
        if found.template.latest_version > 0:
            return
    await publish(session, folder)


async def _recipient(session: Session, recipient: Recipient) -> None:
    recipients = RecipientServiceStub(session.channel)
    request = GetRecipientRequest(recipient_id=recipient.recipient_id)
    if await _exists(session.ask(recipients.GetRecipient, request)):
        return
    await session.ask(recipients.UpsertRecipient, UpsertRecipientRequest(recipient=recipient))
    if preference := PREFERENCES.get(recipient.recipient_id):
        preferences = PreferenceServiceStub(session.channel)
        update = UpdatePreferencesRequest(
            recipient_id=recipient.recipient_id, preferences=[preference]
        )
        await session.ask(preferences.UpdatePreferences, update)


async def _exists(answer: Awaitable[Any]) -> bool:
    try:
        await answer
    except Refused as error:
        if not error.reason.endswith("_NOT_FOUND"):
            raise
        return False
    return True
