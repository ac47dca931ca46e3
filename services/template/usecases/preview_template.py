"""Renders a template for its author."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.template.clients.renderer import Renderer
from services.template.domain.errors import (
    ChannelNotInTemplate,
    RenderFailed,
    VariablesMismatch,
)
from services.template.domain.models import Channel, Content, VersionKey
from services.template.domain.rendering import (
    Failure,
    Rendered,
    RenderRequest,
    no_channel_sentence,
)
from services.template.domain.variables import (
    bind,
    find_mismatch,
    mismatch_sentence,
    version_label,
)
from services.template.store.templates import TemplateStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What an author wants to see."""

    name: str
    version: int
    """0 means the draft."""
    channel: Channel
    variables: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class PreviewTemplate:
    """Renders a version or the draft with given variables, and sends nothing."""

    store: TemplateStore
    renderer: Renderer

    async def __call__(self, tenant_id: str, preview: Preview) -> Rendered:
        """Returns what a recipient would get.

        Raises TemplateNotFound, TemplateNotPublished, ChannelNotInTemplate, VariablesMismatch or RenderFailed.
        """
        template = await self.store.get(tenant_id, preview.name, preview.version)
        request = _request(tenant_id, preview, template.content)
        result = await self.renderer.render_one(request)
        if isinstance(result, Failure):
            raise RenderFailed(preview.name, preview.version, result.sentence)
        return result


def _request(tenant_id: str, preview: Preview, content: Content) -> RenderRequest:
    label = version_label(preview.name, preview.version)
    if preview.channel not in content.sources:
        sentence = no_channel_sentence(label, preview.channel, content)
        raise ChannelNotInTemplate(preview.name, sentence, preview.channel)
    mismatch = find_mismatch(content.variables, preview.variables)
    if mismatch is not None:
        raise VariablesMismatch(
            preview.name,
            preview.version,
            mismatch_sentence(label, mismatch),
            missing=mismatch.missing,
            unknown=mismatch.unknown,
        )
    return RenderRequest(
        VersionKey(tenant_id, preview.name, preview.version),
        content,
        preview.channel,
        bind(content.variables, preview.variables),
    )
