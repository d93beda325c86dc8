"""HTML of the page's header, footer and greeting."""

from __future__ import annotations

import math

from assistant.index import Manifest
from assistant.index.manifest import SourceEntry
from assistant.indexing import BuildState
from assistant.ui import texts
from assistant.ui.appearance import EMBLEM_FILE
from assistant.ui.markup import both, plain
from assistant.ui.texts import Words

_NAMED_SOURCES = 6
_COMMIT_CHARS = 7


def header(title: Words, manifest: Manifest) -> str:
    """Emblem, title and the sources of the answers."""
    names = manifest.searchable
    listed = Words("、".join(names[:_NAMED_SOURCES]), ", ".join(names[:_NAMED_SOURCES]))
    if len(names) > _NAMED_SOURCES:
        more = texts.AND_MORE.format(count=len(names))
        listed = Words(f"{listed.zh} {more.zh}", f"{listed.en} ({more.en})")
    subtitle = Words(
        texts.SUBTITLE.zh.format(sources=listed.zh), texts.SUBTITLE.en.format(sources=listed.en)
    )
    emblem = EMBLEM_FILE.read_text(encoding="utf-8").strip()
    return (
        f'{emblem}<div class="brand-words"><h1>{both(title)}</h1>'
        f"{both(subtitle, 'p', 'subtitle')}</div>"
    )


def welcome() -> str:
    """Greeting in the chat before the first question."""
    return (
        f'<div class="welcome">{both(texts.WELCOME, "h2")}'
        f"{both(texts.WELCOME_HINT, 'p', 'welcome-hint')}</div>"
    )


def building_progress(state: BuildState | None) -> str:
    """Progress of the running build; empty if none is running."""
    if state is None:
        return ""
    minutes = None if state.seconds_left is None else math.ceil(state.seconds_left / 60)
    left = texts.MINUTES_LEFT.format(minutes=minutes) if minutes else Words("", "")
    percent = int(100 * state.share)
    form = texts.BUILDING if state.source else texts.UPDATING
    values = {
        "name": state.source,
        "step": state.step,
        "steps": state.steps,
        "percent": percent,
    }
    told = Words(form.zh.format(left=left.zh, **values), form.en.format(left=left.en, **values))
    return (
        f'<div class="building">{both(told)}'
        f'<progress max="100" value="{percent}" aria-hidden="true"></progress></div>'
    )


def facts(manifest: Manifest, model_name: str) -> str:
    """Contents of the index, with commits, and the model that answers."""
    counts = texts.FACTS.format(
        sources=len(manifest.searchable), files=len(manifest.files), chunks=manifest.chunks
    )
    items = "".join(_source_item(name, manifest.sources[name]) for name in manifest.searchable)
    model = both(texts.MODEL.format(name=model_name), css_class="fact") if model_name else ""
    return (
        f'<details class="index-facts"><summary>{both(counts)}</summary><ul>{items}</ul></details>'
        f"{model}{both(texts.CAUTION, css_class='fact caution')}"
    )


def _source_item(name: str, entry: SourceEntry) -> str:
    commit = entry.commit[:_COMMIT_CHARS]
    at = f"<code>{plain(commit)}</code>" if commit else ""
    return f"<li>{plain(name)} {at}</li>"
