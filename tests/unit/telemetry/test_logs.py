"""Log lines: one line each, whatever is in them, and no secret in any."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from micore.telemetry import logs


@dataclass(frozen=True)
class Settings:
    log_level: str = "info"
    log_format: str = "json"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, secrets = root.handlers[:], root.level, set(logs._secrets)
    configured = structlog.get_config()
    yield
    root.handlers, root.level = handlers, level
    logs._secrets.clear()
    logs._secrets.update(secrets)
    structlog.configure(**configured)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_an_event_is_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up_logs(Settings())
    structlog.get_logger("x").info("sync.done", source="ozon", rows=5, name="Лампа\nзелёная")
    (line,) = lines(capsys)
    assert (line["event"], line["rows"], line["name"], line["level"]) == ("sync.done", 5, "Лампа\nзелёная", "info")
    assert str(line["timestamp"]).endswith("Z")


def test_libraries_speak_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up_logs(Settings())
    logging.getLogger("uvicorn.error").warning("port %d", 80)
    logging.getLogger("uvicorn.error").info("not worth a line")
    (line,) = lines(capsys)
    assert (line["event"], line["level"]) == ("port 80", "warning")


def test_the_level_counts(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up_logs(Settings(log_level="error"))
    structlog.get_logger().warning("quiet")
    structlog.get_logger().error("loud")
    assert [line["event"] for line in lines(capsys)] == ["loud"]


def test_a_traceback_shows_no_variables(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up_logs(Settings(log_format="console"))
    canary = "canary-" + "value"
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.get_logger().exception("failed")
    said = capsys.readouterr().err
    assert "ValueError: broken" in said
    assert canary not in said


def test_secrets_are_masked_by_name_form_and_value(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up_logs(Settings())
    logs.hide(["s3cret-value", "abc"])
    structlog.get_logger().info(
        "it has s3cret-value inside",
        api_key="canary-1",
        Authorization="Bearer canary-2",
        url="postgresql://me:canary-3@host/db",
        said="abc s3cret-value",
        password=None,
    )
    said = capsys.readouterr().err
    assert "canary" not in said
    assert "s3cret-value" not in said
    (line,) = [json.loads(each) for each in said.splitlines()]
    assert line["url"] == "postgresql://me:***@host/db"
    assert line["said"] == "abc ***"
    assert line["password"] is None


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=4), st.text())
def test_hostile_text_stays_in_its_line(fields: dict[str, str], event: str) -> None:
    hostile = {f"field_{name}": value for name, value in fields.items()}
    rendered = structlog.processors.JSONRenderer(ensure_ascii=False)(
        None, "", logs.redact(None, "", {"event": event, **hostile})
    )
    text = rendered if isinstance(rendered, str) else rendered.decode()
    assert "\n" not in text
    assert "\r" not in text
    assert json.loads(text).keys() == {"event", *hostile}
