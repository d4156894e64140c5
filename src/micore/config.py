"""All settings: from the environment, over those in `.env`, over the defaults; and the options of plug-ins.

The description of each field is its line in docs/reference/settings.md and in .env.example, which are generated.
Only the composition root and the entry points read settings; everything else is handed what it needs.
"""

from __future__ import annotations

import difflib
import io
import ipaddress
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from micore.errors import EnvFileError, SettingsError, UnknownSettingError
from micore.slots import PREFIX, PluginOption, PluginOptions, option_variables, variable_part, with_further

ENV_FILE = Path(".env")
SCHEDULE_OFF = "off"
CRON_FIELDS = 5
NAMED_BY_DOCUMENTS = ("pg_", "backup_")
"""Fields whose variables have no MICORE_ in front."""
REDIS_SCHEMES = ("redis", "rediss", "unix")


class LogLevel(StrEnum):
    """From which weight on lines are logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How lines are logged."""

    AUTO = "auto"
    """For people on a terminal, JSON otherwise."""
    CONSOLE = "console"
    JSON = "json"


class Settings(BaseSettings):
    """What is in force. Build it with `load_settings`, which explains what is wrong."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, env_ignore_empty=True)

    home: Path = Field(
        Path("storage"),
        description="The data root: database, stored marketplace responses, logs. Relative to where micore starts.",
    )
    database_url: SecretStr | None = Field(
        None,
        description="sqlite:////absolute/path/micore.db or postgresql://user:password@host:5432/database. "
        "Without it: PostgreSQL by PG_HOST and PG_NAME, else SQLite in the data root.",
    )
    pg_host: str | None = Field(
        None,
        validation_alias=AliasChoices("PG_HOST", "pg_host"),
        description="PostgreSQL server, as the documents name it.",
    )
    pg_port: int = Field(
        5432, ge=1, le=65535, validation_alias=AliasChoices("PG_PORT", "pg_port"), description="Its port."
    )
    pg_name: str | None = Field(
        None, validation_alias=AliasChoices("PG_NAME", "pg_name"), description="Its database; needed with PG_HOST."
    )
    pg_user: str | None = Field(None, validation_alias=AliasChoices("PG_USER", "pg_user"), description="Its user.")
    pg_password: SecretStr | None = Field(
        None, validation_alias=AliasChoices("PG_PASSWORD", "pg_password"), description="Its password."
    )
    host: str = Field(
        "127.0.0.1", description="Where the dashboard listens. Loopback only, because there are no accounts yet."
    )
    port: int = Field(8083, ge=1, le=65535, description="The one HTTP port.")
    redis_url: SecretStr | None = Field(
        None, description="redis://host:6379/0 for an answer cache shared by several processes. Without it: in process."
    )
    time_zone: str = Field("Europe/Moscow", description="The shop's business calendar, an IANA name.")
    currency: str = Field("RUB", description="The shop's currency, ISO 4217.")
    shop_name: str = Field("", max_length=80, description="Shown in the dashboard's head.")
    stock_critical_max: int = Field(5, ge=0, description="Up to so many units a product is critical.")
    stock_low_max: int = Field(20, ge=0, description="Above critical and up to so many units it is low.")
    stock_normal_max: int = Field(100, ge=0, description="Above low and up to so many it is normal; above, overstock.")
    sync_schedule: str = Field(
        "*/30 * * * *", description='When `serve` syncs by itself: a cron expression in the shop\'s zone, or "off".'
    )
    stale_after_minutes: int = Field(
        90, ge=1, le=100_000, description="Stock read longer ago than this is shown as stale."
    )
    backup_schedule: str = Field(
        "0 2 * * *",
        validation_alias=AliasChoices("BACKUP_SCHEDULE", "backup_schedule"),
        description='When `serve` makes a backup by itself: a cron expression in the shop\'s zone, or "off".',
    )
    backup_local_path: Path | None = Field(
        None,
        validation_alias=AliasChoices("BACKUP_LOCAL_PATH", "backup_local_path"),
        description="The folder of the backups. Without it: `backups` in the data root; another disk is better.",
    )
    backup_retention_days: int = Field(
        30,
        ge=1,
        le=36_500,
        validation_alias=AliasChoices("BACKUP_RETENTION_DAYS", "backup_retention_days"),
        description="Backups older than this are deleted, but never the three newest that were verified.",
    )
    log_level: LogLevel = Field(LogLevel.INFO, description="debug, info, warning or error.")
    log_format: LogFormat = Field(LogFormat.AUTO, description="console, json, or auto: console on a terminal.")
    demo: bool = Field(False, description="Say in the dashboard that the data is made up; `micore demo` sets it.")

    @field_validator("host")
    @classmethod
    def _loopback(cls, host: str) -> str:
        try:
            loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            raise ValueError("127.0.0.1, ::1 or localhost, until micore has accounts; use an SSH tunnel from elsewhere")
        return host

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError("an IANA zone such as Europe/Moscow") from None
        return name

    @field_validator("currency")
    @classmethod
    def _currency_code(cls, code: str) -> str:
        if not re.fullmatch(r"[A-Z]{3}", code):
            raise ValueError("three capital letters such as RUB, the code of ISO 4217")
        return code

    @field_validator("sync_schedule", "backup_schedule")
    @classmethod
    def _cron(cls, expression: str) -> str:
        from datetime import UTC, datetime

        if expression.strip().lower() == SCHEDULE_OFF:
            return SCHEDULE_OFF
        allowed = 'five cron fields such as */30 * * * *, or "off"'
        # A sixth field would be seconds, and a sync each second.
        if len(expression.split()) != CRON_FIELDS:
            raise ValueError(allowed)
        try:
            next(CronSim(expression, datetime.now(UTC)))
        except (CronSimError, StopIteration):
            raise ValueError(allowed) from None
        return expression

    @field_validator("redis_url")
    @classmethod
    def _address_of_redis(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not _is_redis_url(url.get_secret_value()):
            raise ValueError("redis://host:6379/0, rediss:// for TLS, or unix:///path/of/the.sock")
        return url

    @field_validator("database_url")
    @classmethod
    def _kind_of_database(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and urlsplit(url.get_secret_value()).scheme not in {"sqlite", "postgresql", "postgres"}:
            raise ValueError("sqlite:////absolute/path/micore.db or postgresql://user:password@host:5432/database")
        return url

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.stock_critical_max < self.stock_low_max < self.stock_normal_max:
            raise ValueError("MICORE_STOCK_CRITICAL_MAX < MICORE_STOCK_LOW_MAX < MICORE_STOCK_NORMAL_MAX")
        if self.database_url is None and (self.pg_host is None) != (self.pg_name is None):
            raise ValueError("PG_HOST and PG_NAME both, or neither")
        return self

    @property
    def database(self) -> str:
        """The database in force, as a URL with its password."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        if self.pg_host is not None and self.pg_name is not None:
            password = "" if self.pg_password is None else ":" + quote(self.pg_password.get_secret_value(), safe="")
            user = f"{quote(self.pg_user, safe='')}{password}@" if self.pg_user else ""
            return f"postgresql://{user}{self.pg_host}:{self.pg_port}/{quote(self.pg_name, safe='')}"
        return f"sqlite:///{self.data_root / 'db' / 'micore.db'}"

    @property
    def data_root(self) -> Path:
        """MICORE_HOME as an absolute path."""
        return _absolute(self.home)

    @property
    def schedule(self) -> str | None:
        """The cron expression of the syncs; None when they are off."""
        return None if self.sync_schedule == SCHEDULE_OFF else self.sync_schedule

    @property
    def backup_folder(self) -> Path:
        """Where backups go, as an absolute path."""
        return self.data_root / "backups" if self.backup_local_path is None else _absolute(self.backup_local_path)

    @property
    def url(self) -> str:
        """Where the dashboard is to be found."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class SettingFacts:
    """A setting as the reference shows it."""

    name: str
    description: str
    default: str
    secret: bool


def load_settings(
    plugins: PluginOptions | None = None, *, env_file: Path | None = ENV_FILE, **overrides: Any
) -> Settings:
    """Read the settings; `overrides` (by field name) beat the environment.

    Raises SettingsError naming the first setting that is wrong, or a MICORE_* variable that nobody knows, with the
    nearest name that somebody does.
    """
    variables = environment(env_file)
    _refuse_unknown(variables, plugins or {})
    given = {
        name: value for name in Settings.model_fields if (value := variables.get(variable_of(name))) not in (None, "")
    }
    try:
        # The file is read here and not by pydantic, which would read it again and repeat its warnings.
        return Settings(_env_file=None, **{**given, **overrides})
    except ValidationError as error:
        raise _explained(error) from None


def environment(env_file: Path | None = ENV_FILE) -> dict[str, str]:
    """The variables of `.env` and, over them, of the process; names in capitals. Raises EnvFileError."""
    # Lines that cannot be read are left out; `unreadable_lines` tells of them.
    readable = "".join(line.original.string for line in _file_lines(env_file) if not _is_garbage(line))
    merged = {**dotenv_values(stream=io.StringIO(readable)), **os.environ}
    return {name.upper(): value for name, value in merged.items() if value is not None}


def unreadable_lines(env_file: Path | None = ENV_FILE) -> list[int]:
    """The numbers of the lines of `.env` that are no setting and no comment, and are passed over."""
    found = []
    for line in _file_lines(env_file):
        if _is_garbage(line):
            text = line.original.string
            # What comes before the text of the line itself: empty lines.
            found.append(line.original.line + text[: len(text) - len(text.lstrip())].count("\n"))
    return found


def unused_variables(plugins: PluginOptions, *, env_file: Path | None = ENV_FILE) -> dict[str, str | None]:
    """Variables that look like settings of a marketplace and are none, each with the nearest name that is one."""
    variables = environment(env_file)
    slots = with_further(plugins, variables)
    known = {
        name + ending
        for source, options in slots.items()
        for option in options
        for name in option_variables(source, option.name)
        for ending in ("", "_FILE")
    }
    # The longer beginning comes later and wins: OZON_2_ after OZON_.
    beginnings = {f"{variable_part(slot)}_": slot for slot in slots} | {"WB_": "wildberries"}
    return {
        name: _nearest_option(name.removeprefix(beginning), source, slots)
        for name in sorted(variables)
        for beginning, source in beginnings.items()
        if name.startswith(beginning) and name not in known
    }


def _nearest_option(word: str, source: str, plugins: PluginOptions) -> str | None:
    near = _nearest(word, {option.name.upper() for option in plugins.get(source, ())})
    return None if near is None else option_variables(source, near)[0]


def _is_garbage(line: Binding) -> bool:
    # A lone word is read as a name without a value.
    return line.error or (line.key is not None and line.value is None)


def _file_lines(env_file: Path | None) -> list[Binding]:
    if env_file is None or not env_file.is_file():
        return []
    try:
        # Editors on Windows begin a file with a mark.
        text = env_file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        number = error.object[: error.start].count(b"\n") + 1
        raise EnvFileError(str(env_file), problem=f"line {number} is not UTF-8") from None
    except OSError as error:
        raise EnvFileError(str(env_file), problem=str(error.strerror)) from None
    return list(parse_stream(io.StringIO(text)))


def slot_options(plugins: PluginOptions, *, env_file: Path | None = ENV_FILE) -> PluginOptions:
    """The options of every account that the settings name, by slot: each plug-in's first and those with a number."""
    return with_further(plugins, environment(env_file))


def source_options(
    slot: str, options: Iterable[PluginOption], *, env_file: Path | None = ENV_FILE
) -> tuple[dict[str, str], list[str]]:
    """The values of a slot's options, and the variables to set for those that are missing.

    Each is read from MICORE_<SLOT>_<NAME>, <SLOT>_<NAME>, or the file that either with _FILE behind it names;
    the first that is there counts. Raises SettingsError when such a file cannot be read.
    """
    variables = environment(env_file)
    values: dict[str, str] = {}
    missing: list[str] = []
    for option in options:
        value = _option_value(option_variables(slot, option.name), variables)
        if value is None:
            value = option.default
        if value is not None:
            values[option.name] = value
        elif option.required:
            missing.append(option_variables(slot, option.name)[0])
    return values, missing


def variable_of(field: str) -> str:
    """The environment variable of a field."""
    return field.upper() if field.startswith(NAMED_BY_DOCUMENTS) else PREFIX + field.upper()


def facts(plugins: PluginOptions | None = None) -> list[SettingFacts]:
    """Every setting, in the order of the class, then those of the plug-ins."""
    found = [
        SettingFacts(
            name=variable_of(name),
            description=each.description or "",
            default=_spelled(each.default),
            secret="SecretStr" in str(each.annotation),
        )
        for name, each in Settings.model_fields.items()
    ]
    for source, options in sorted((plugins or {}).items()):
        found += [
            SettingFacts(option_variables(source, each.name)[0], each.help, each.default or "", each.secret)
            for each in options
        ]
    return found


def shown(
    settings: Settings, plugins: PluginOptions | None = None, *, env_file: Path | None = ENV_FILE
) -> dict[str, str]:
    """What is in force, by variable; secrets masked."""
    values: dict[str, str] = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        text = value.get_secret_value() if isinstance(value, SecretStr) else "" if value is None else str(value)
        values[variable_of(name)] = (
            masked_url(text) if "url" in name else "***" if isinstance(value, SecretStr) else text
        )
    values[variable_of("database_url")] = masked_url(settings.database)
    for source, options in sorted((plugins or {}).items()):
        given, _ = source_options(source, options, env_file=env_file)
        for option in options:
            value = given.get(option.name, "")
            values[option_variables(source, option.name)[0]] = "***" if option.secret and value else value
    return values


def _absolute(path: Path) -> Path:
    return path.expanduser().resolve()


def masked_url(url: str) -> str:
    """A URL without its password."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    at = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{at[2]}"))


def _spelled(value: Any) -> str:
    """A value as one would write it into .env."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _option_value(names: Iterable[str], variables: Mapping[str, str]) -> str | None:
    for name in names:
        if variables.get(name):
            return variables[name]
        path = variables.get(f"{name}_FILE")
        if path:
            try:
                return Path(path).expanduser().read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsError(
                    f"{name}_FILE", received=f"{path} ({error.__class__.__name__})", allowed="a readable text file"
                ) from None
    return None


def _refuse_unknown(variables: Mapping[str, str], plugins: PluginOptions) -> None:
    known = {variable_of(name) for name in Settings.model_fields}
    for slot, options in with_further(plugins, variables).items():
        for option in options:
            name = option_variables(slot, option.name)[0]
            known |= {name, f"{name}_FILE"}
    for name in sorted(variables):
        if name.startswith(PREFIX) and name not in known:
            raise UnknownSettingError(name, meant=_nearest(name, known))


def _nearest(name: str, known: Iterable[str]) -> str | None:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return near[0] if near else None


def _is_redis_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        whole = parts.port is None or parts.port > 0
    except ValueError:
        return False
    place = parts.path if parts.scheme == "unix" else parts.hostname
    return parts.scheme in REDIS_SCHEMES and bool(place) and whole


def _explained(error: ValidationError) -> SettingsError:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if not name:
        message = str(first["msg"]).removeprefix("Value error, ")
        return SettingsError("settings", received="values that do not fit together", allowed=message)
    field = name.lower().removeprefix(PREFIX.lower())
    secret = "SecretStr" in str(Settings.model_fields[field].annotation)
    received = "a secret of another form" if secret else repr(first.get("input"))[:80]
    return SettingsError(variable_of(field), received=received, allowed=_allowed(field, first))


def _allowed(field: str, finding: ErrorDetails) -> str:
    """What a setting may be, in words for people; pydantic's are for programmers."""
    about = Settings.model_fields[field]
    if isinstance(about.annotation, type) and issubclass(about.annotation, StrEnum):
        *first, last = (each.value for each in about.annotation)
        return f"{', '.join(first)} or {last}"
    if about.annotation is bool:
        return "true or false"
    if about.annotation is int:
        bounds = {name: getattr(each, name) for each in about.metadata for name in ("ge", "le") if hasattr(each, name)}
        words = {"ge": f" from {bounds.get('ge')}", "le": f" to {bounds.get('le')}"}
        return "a whole number" + "".join(words[name] for name in bounds)
    if finding["type"] == "string_too_long":
        return f"at most {finding['ctx']['max_length']} characters"
    return str(finding["msg"]).removeprefix("Value error, ")
