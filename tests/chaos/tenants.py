"""The tenants of a run, and the ways in which their clients reach the cluster."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from uuid import uuid4

import grpc

from libs.rpc.channel import open_channel
from tests.chaos.cluster import Cluster
from tests.support.api import BOTH, Api
from tidings.internal.access.v1.tenant_service_pb2 import (
    CreateAdminKeyRequest,
    CreateTenantRequest,
)
from tidings.internal.access.v1.tenant_service_pb2_grpc import TenantServiceStub
from tidings.preference.v1.category_service_pb2 import (
    CATEGORY_CLASS_TRANSACTIONAL,
    Category,
    Guarantee,
    UpsertCategoryRequest,
)

AT_MOST_ONCE = "login.code"
_FICKLE = 8
_STEADY = 3


@dataclass(slots=True)
class Tenant:
    """A tenant with its views of the cluster: the services that hold still, ingestion, the inbox."""

    tenant_id: str
    settled: Api
    sending: Api
    reading: Api
    fickle: list[str]
    """Recipients who move and change their minds."""
    steady: list[str]
    """Recipients who do not: of them it is known what they must end up with."""
    refused: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By recipient the categories of which it once refused a channel."""

    @property
    def recipients(self) -> list[str]:
        """All of them."""
        return [*self.fickle, *self.steady]


async def open_tenant(
    cluster: Cluster, settled: grpc.aio.Channel, sending: grpc.aio.Channel, inbox: grpc.aio.Channel
) -> Tenant:
    """Sets a fresh tenant up."""
    tenant_id, key = await _create(cluster)
    tenant = Tenant(
        tenant_id=tenant_id,
        settled=Api(settled, key),
        sending=Api(sending, key),
        reading=Api(inbox, key),
        fickle=[f"r{number}" for number in range(_FICKLE)],
        steady=[f"s{number}" for number in range(_STEADY)],
    )
    await tenant.settled.seed(tenant.recipients)
    category = Category(
        name=AT_MOST_ONCE,
        channels=BOTH,
        guarantee=Guarantee.GUARANTEE_AT_MOST_ONCE,
        category_class=CATEGORY_CLASS_TRANSACTIONAL,
    )
    await tenant.settled.categories.UpsertCategory(
        UpsertCategoryRequest(category=category), metadata=tenant.settled.metadata
    )
    return tenant


async def _create(cluster: Cluster) -> tuple[str, str]:
    """Creates a tenant; returns its id and an admin key."""
    tenant_id = f"t-{uuid4().hex[:12]}"
    address = cluster.core.internal_address
    async with open_channel(address, cluster_secret=cluster.secret) as channel:
        stub = TenantServiceStub(channel)
        await stub.CreateTenant(CreateTenantRequest(tenant_id=tenant_id))
        response = await stub.CreateAdminKey(CreateAdminKeyRequest(tenant_id=tenant_id))
    return tenant_id, response.secret
