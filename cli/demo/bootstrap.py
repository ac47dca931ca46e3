"""A way into a cluster that is up: the tenant `demo` and a key, kept in `cli.toml`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from cli.configuration import Configuration, read_configuration, write_configuration
from cli.demo.data import CATEGORY_OF_TEMPLATE
from cli.errors import Refused
from cli.output import Output
from cli.retrying import ask_again
from cli.session import Settings, open_session
from cli.tenancy import open_tenancy
from tidings.preference.v1.category_service_pb2 import ListCategoriesRequest
from tidings.preference.v1.category_service_pb2_grpc import CategoryServiceStub

if TYPE_CHECKING:
    from cli.serve import Cluster

TENANT = "demo"
_START_SECONDS = 20.0


async def ensure_settings(cluster: Cluster, file: Path, output: Output) -> Settings:
    """Returns settings with a key that works, and keeps them in `file` for the other commands."""
    known = read_configuration(file) if file.is_file() else Configuration()
    configuration = replace(
        known,
        address=cluster.public_address,
        device_id=known.device_id or str(uuid4()),
        categories={**CATEGORY_OF_TEMPLATE, **known.categories},
        internal_address=cluster.internal_address,
        cluster_secret=cluster.cluster_secret,
    )
    if not await _works(_settings(configuration), output):
        configuration = replace(configuration, api_key=await _create_key(cluster))
    if configuration != known:
        write_configuration(file, configuration)
    return _settings(configuration)


def _settings(configuration: Configuration) -> Settings:
    return Settings(
        address=configuration.address or "",
        api_key=configuration.api_key,
        configuration=configuration,
    )


async def _works(settings: Settings, output: Output) -> bool:
    if settings.api_key is None:
        return False
    async with open_session(settings, output) as session:
        stub = CategoryServiceStub(session.plain_channel)
        try:
            request = ListCategoriesRequest(page_size=1)
            await ask_again(session, stub.ListCategories, request, within=_START_SECONDS)
        except Refused as error:
            if not error.reason.startswith("CREDENTIAL_"):
                raise
            return False
    return True


async def _create_key(cluster: Cluster) -> str:
    async with open_tenancy(cluster.internal_address, cluster.cluster_secret) as tenancy:
        try:
            await tenancy.create(TENANT, "Demo")
        except Refused as error:
            if error.reason != "TENANT_ALREADY_EXISTS":
                raise
        return await tenancy.create_admin_key(TENANT)
