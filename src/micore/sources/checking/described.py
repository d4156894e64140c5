"""Checks of what a plug-in says of itself, before anything is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from micore.errors import SettingsError
from micore.sources.base import Option, Stream, StreamKind
from micore.sources.checking.check import NotTriedError
from micore.sources.checking.trial import Trial, told
from micore.sources.checking.values import CURRENCY_LETTERS, RECORDS

NAME = re.compile(r"[a-z][a-z0-9_-]*")
PARSER = re.compile(r"[^/\s]+/[^/\s]+")


def describes_itself(trial: Trial) -> Iterator[str]:
    plugin = trial.plugin
    if getattr(plugin, "name", None) != trial.name or not NAME.fullmatch(trial.name):
        yield f"registered as {trial.name!r}, its `name` is {getattr(plugin, 'name', None)!r}; one of small letters"
    if not getattr(plugin, "title", ""):
        yield "`title` is empty"
    if not PARSER.fullmatch(str(getattr(plugin, "parser", ""))):
        yield f"`parser` is {getattr(plugin, 'parser', None)!r}; allowed: name/version"
    for option in plugin.options:
        if not isinstance(option, Option) or not NAME.fullmatch(option.name) or not option.help:
            yield f"option {option!r:.80} is no Option with a name of small letters and a help text"
        elif option.secret and option.default is not None:
            yield f"option {option.name}: a secret with a default is no secret"
    yield from _streams(trial)


def _streams(trial: Trial) -> Iterator[str]:
    names = [stream.name for stream in trial.streams]
    if not names or len(names) != len(trial.plugin.streams):
        yield "`streams` is no tuple of Stream with at least one in it"
    for name in sorted({each for each in names if names.count(each) > 1}):
        yield f"stream {name} is named twice"
    for stream in trial.streams:
        if stream.name not in RECORDS:
            yield f"there is no stream {stream.name!r}; allowed: {', '.join(RECORDS)}"
        elif (stream.kind is StreamKind.SNAPSHOT) != (stream.name == "stock"):
            yield f"stream {stream.name} is a {stream.kind}; stock is a snapshot, and nothing else is"
    if "stock" in names and "catalogue" in names and names.index("catalogue") > names.index("stock"):
        yield "stock is read before the catalogue that it refers to"


def knows_its_account(trial: Trial) -> Iterator[str]:
    try:
        with trial.opened() as source:
            facts: Any = source.account()
    except Exception as error:  # noqa: BLE001 - whatever a plug-in does wrong is what is looked for
        yield told(error)
        return
    if not isinstance(facts.external_id, str) or not facts.external_id.strip():
        yield f"external_id is {facts.external_id!r}; allowed: text that stays the same for ever"
    if not isinstance(facts.name, str) or not facts.name.strip():
        yield f"name is {facts.name!r}; allowed: text to show"
    currency = facts.currency
    if not (isinstance(currency, str) and len(currency) == CURRENCY_LETTERS and currency.isupper()):
        yield f"currency is {currency!r}; allowed: three capital letters of ISO 4217"
    if facts.key_expires_at is not None and facts.key_expires_at.utcoffset() != timedelta(0):
        yield f"key_expires_at is {facts.key_expires_at!r}; allowed: an instant in UTC"


def explains_missing_options(trial: Trial) -> Iterator[str]:
    needed = [option.name for option in trial.plugin.options if option.required and option.default is None]
    if not needed:
        raise NotTriedError("it needs no option")
    for name in needed:
        try:
            with trial.opened(None, **{name: ""}):
                yield f"option {name} may be empty, says its making; nothing could be read with that"
        except SettingsError as error:
            if any(secret in str(error) for secret in trial.secrets):
                yield f"option {name}: a secret stands in the error"
        except Exception as error:  # noqa: BLE001 - whatever a plug-in does wrong is what is looked for
            yield f"option {name} is empty: {told(error)}; allowed: SettingsError"


def refuses_other_streams(trial: Trial) -> Iterator[str]:
    other = trial.read(Stream("no-such-stream", StreamKind.LISTING), None, pages=1)
    if other.error is None:
        yield "reading the stream 'no-such-stream' raises nothing; allowed: NotFoundError"
