"""`tidings tenants`: what only the cluster's operator may do, on the internal listener."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.command import ConfigOption, OutputOption, reporting
from cli.operating import ClusterSecretOption, InternalAddressOption, Operator, operate
from cli.output import Output, OutputFormat

if TYPE_CHECKING:
    from cli.tenancy import Tenancy

app = typer.Typer(
    help="Tenants, for the cluster's operator.", no_args_is_help=True, add_completion=False
)
TenantId = Annotated[
    str, typer.Argument(metavar="TENANT", help="Lower-case letters, digits and hyphens.")
]


@app.command()
def create(
    tenant_id: TenantId,
    name: Annotated[str, typer.Option(help="Name for people.")] = "",
    internal_address: InternalAddressOption = None,
    cluster_secret: ClusterSecretOption = None,
    config: ConfigOption = None,
    output: OutputOption = OutputFormat.TEXT,
) -> None:
    """Create a tenant and print the secret of its first key, shown this once."""

    async def work(tenancy: Tenancy) -> str:
        await tenancy.create(tenant_id, name)
        return await tenancy.create_admin_key(tenant_id)

    _run(work, tenant_id, internal_address, cluster_secret, config, Output(output))


@app.command()
def key(
    tenant_id: TenantId,
    internal_address: InternalAddressOption = None,
    cluster_secret: ClusterSecretOption = None,
    config: ConfigOption = None,
    output: OutputOption = OutputFormat.TEXT,
) -> None:
    """Print the secret of a new key with every scope, to get back in with."""

    async def work(tenancy: Tenancy) -> str:
        return await tenancy.create_admin_key(tenant_id)

    _run(work, tenant_id, internal_address, cluster_secret, config, Output(output))


def _run(
    work: Callable[[Tenancy], Awaitable[str]],
    tenant_id: str,
    address: str | None,
    secret: str | None,
    config: Path | None,
    output: Output,
) -> None:
    async def converse(operator: Operator) -> str:
        # It brings the servers' plumbing along.
        from cli.tenancy import Tenancy

        return await work(Tenancy(operator))

    with reporting(output):
        key_secret = operate(
            converse, whose="tenants are managed", address=address, secret=secret, config=config
        )
        output.answer(
            {"tenant_id": tenant_id, "secret": key_secret},
            lambda: _show(output, tenant_id, key_secret),
        )


def _show(output: Output, tenant_id: str, secret: str) -> None:
    output.note(f"a key of tenant {tenant_id} with every scope; its secret, shown this once:")
    output.line(secret)
