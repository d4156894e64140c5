"""Settings: what is read from where, what is refused and how it is said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micore import config
from micore.errors import SettingsError


@dataclass(frozen=True)
class Option:
    name: str
    help: str = "A key."
    secret: bool = True
    required: bool = True
    default: str | None = None


SHOP = {"ozon": (Option("api_key"), Option("base_url", secret=False, required=False, default="https://x.example"))}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class TestSources:
    def test_defaults_need_nothing(self, tmp_path: Path) -> None:
        settings = config.load_settings()
        assert settings.url == "http://127.0.0.1:8083"
        assert settings.database == f"sqlite:///{tmp_path}/storage/db/micore.db"
        assert settings.schedule == "*/30 * * * *"

    def test_the_environment_beats_the_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / ".env").write_text("MICORE_PORT=9001\nMICORE_SHOP_NAME=Дом\n")
        monkeypatch.setenv("MICORE_PORT", "9002")
        settings = config.load_settings()
        assert (settings.port, settings.shop_name) == (9002, "Дом")
        assert config.load_settings(port=9003).port == 9003

    def test_an_empty_variable_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MICORE_PORT", "")
        assert config.load_settings().port == 8083

    def test_the_documents_names_select_postgresql(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in {"HOST": "db", "PORT": "6543", "NAME": "shop", "USER": "me", "PASSWORD": "p@ss/:w"}.items():
            monkeypatch.setenv(f"PG_{name}", value)
        settings = config.load_settings()
        assert settings.database == "postgresql://me:p%40ss%2F%3Aw@db:6543/shop"
        assert "p@ss" not in str(config.shown(settings))
        assert "p%40ss" not in str(config.shown(settings))
        assert "p@ss" not in repr(settings)

    def test_a_url_beats_the_documents_names(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PG_HOST", "db")
        monkeypatch.setenv("PG_NAME", "shop")
        monkeypatch.setenv("MICORE_DATABASE_URL", "sqlite:////data/micore.db")
        assert config.load_settings().database == "sqlite:////data/micore.db"

    def test_the_schedule_can_be_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MICORE_SYNC_SCHEDULE", "OFF")
        assert config.load_settings().schedule is None


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "value", "says"),
        [
            ("MICORE_PORT", "abc", "MICORE_PORT: received 'abc'; allowed: a whole number from 1 to 65535."),
            ("MICORE_PORT", "70000", "a whole number from 1 to 65535."),
            ("MICORE_STOCK_LOW_MAX", "-1", "a whole number from 0."),
            ("MICORE_STALE_AFTER_MINUTES", "1.5", "a whole number from 1 to 100000."),
            ("MICORE_DEMO", "perhaps", "true or false."),
            ("MICORE_LOG_LEVEL", "loud", "debug, info, warning or error."),
            ("MICORE_SHOP_NAME", "x" * 81, "at most 80 characters."),
            ("MICORE_HOST", "0.0.0.0", "127.0.0.1"),
            ("MICORE_HOST", "192.168.1.5", "until micore has accounts"),
            ("MICORE_HOST", "example.com", "127.0.0.1"),
            ("MICORE_TIME_ZONE", "Mars/Olympus", "IANA"),
            ("MICORE_TIME_ZONE", "../etc/passwd", "IANA"),
            ("MICORE_SYNC_SCHEDULE", "every hour", "five cron fields"),
            ("MICORE_SYNC_SCHEDULE", "0 0 30 2 *", "five cron fields"),
            ("MICORE_SYNC_SCHEDULE", "* * * * * *", "five cron fields"),
            ("MICORE_CURRENCY", "rubles", "three capital letters such as RUB"),
            ("MICORE_REDIS_URL", "foo", "redis://host:6379/0"),
            ("MICORE_REDIS_URL", "http://:hunter22@h", "redis://host:6379/0"),
            ("MICORE_REDIS_URL", "redis://", "redis://host:6379/0"),
            ("MICORE_REDIS_URL", "redis://h:port", "redis://host:6379/0"),
            ("MICORE_STOCK_LOW_MAX", "5", "MICORE_STOCK_CRITICAL_MAX < MICORE_STOCK_LOW_MAX"),
            ("MICORE_STALE_AFTER_MINUTES", "0", "MICORE_STALE_AFTER_MINUTES"),
            ("MICORE_DATABASE_URL", "mysql://u:hunter22@h/db", "postgresql://"),
            ("PG_HOST", "db", "PG_NAME"),
        ],
    )
    def test_says_what_was_received_and_what_is_allowed(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
    ) -> None:
        monkeypatch.setenv(name, value)
        with pytest.raises(SettingsError, match=re.escape(says)) as caught:
            config.load_settings()
        assert "hunter22" not in str(caught.value)
        assert "micore config check" in caught.value.remedy

    def test_a_misspelt_name_gets_the_nearest(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MICORE_DATABSE_URL", "x")
        with pytest.raises(SettingsError, match="did you mean MICORE_DATABASE_URL"):
            config.load_settings()

    def test_a_misspelt_name_in_the_file_too(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("MICORE_OZON_APIKEY=x\n")
        with pytest.raises(SettingsError, match="did you mean MICORE_OZON_API_KEY"):
            config.load_settings(SHOP)

    def test_a_misspelt_name_is_called_no_setting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MICORE_PROT", "x")
        with pytest.raises(SettingsError) as caught:
            config.load_settings()
        assert str(caught.value) == "MICORE_PROT is no setting of micore; did you mean MICORE_PORT?"
        assert "micore config show" in caught.value.remedy

    @pytest.mark.parametrize("url", ["redis://h", "rediss://:word@h:6380/1", "unix:///run/redis.sock"])
    def test_addresses_of_redis(self, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
        monkeypatch.setenv("MICORE_REDIS_URL", url)
        redis_url = config.load_settings().redis_url
        assert redis_url is not None
        assert redis_url.get_secret_value() == url

    def test_settings_of_installed_plugins_are_known(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MICORE_OZON_API_KEY_FILE", "key.txt")
        config.load_settings(SHOP)
        with pytest.raises(SettingsError):
            config.load_settings({})


class TestTheFile:
    def test_a_file_that_is_not_utf_8_is_refused_with_its_line(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_bytes(b"MICORE_PORT=9001\nMICORE_SHOP_NAME=\xc4\xee\xec\n")
        with pytest.raises(SettingsError, match=r"\.env cannot be read: line 2 is not UTF-8") as caught:
            config.load_settings()
        assert "UTF-8" in caught.value.remedy

    def test_the_mark_of_a_windows_editor_does_no_harm(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfMICORE_PORT=9001\r\n")
        assert config.load_settings().port == 9001

    def test_lines_that_cannot_be_read_are_told_and_passed_over(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / ".env").write_text(
            "# mine\n\nthis is garbage\nMICORE_PORT=9001\n\n\nword\nexport MICORE_SHOP_NAME='two\nlines'\n= 7\n"
        )
        settings = config.load_settings()
        assert (settings.port, settings.shop_name) == (9001, "two\nlines")
        assert config.unreadable_lines() == [3, 7, 10]
        assert caplog.messages == []

    def test_names_that_look_like_a_marketplace_and_set_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / ".env").write_text(
            "OZON_API-KEY=x\nOZON_API_KEY=x\nMICORE_OZON_API_KEY_FILE=y\nozon_seller_cabinet_address=1\n"
        )
        monkeypatch.setenv("WB_API_TOKEN", "x")
        monkeypatch.setenv("OZON_API_KEY_FILE", "y")
        options = {**SHOP, "wildberries": (Option("api_token"),)}
        assert config.unused_variables(options) == {
            "OZON_API-KEY": "MICORE_OZON_API_KEY",
            "OZON_SELLER_CABINET_ADDRESS": None,
            "WB_API_TOKEN": "MICORE_WILDBERRIES_API_TOKEN",
        }


class TestPluginOptions:
    def test_each_way_to_give_a_key(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "key").write_text("from a file\n")
        ways = [
            ("OZON_API_KEY_FILE", str(tmp_path / "key"), "from a file"),
            ("OZON_API_KEY", "short", "short"),
            ("MICORE_OZON_API_KEY_FILE", str(tmp_path / "key"), "from a file"),
            ("MICORE_OZON_API_KEY", "long", "long"),
        ]
        for variable, value, expected in ways:
            # Each one beats those before it.
            monkeypatch.setenv(variable, value)
            values, missing = config.source_options("ozon", SHOP["ozon"])
            assert values == {"api_key": expected, "base_url": "https://x.example"}
            assert missing == []

    def test_names_what_is_missing(self) -> None:
        values, missing = config.source_options("ozon", SHOP["ozon"])
        assert (values, missing) == ({"base_url": "https://x.example"}, ["MICORE_OZON_API_KEY"])

    def test_an_unreadable_file_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OZON_API_KEY_FILE", "/does/not/exist")
        with pytest.raises(SettingsError, match="OZON_API_KEY_FILE"):
            config.source_options("ozon", SHOP["ozon"])

    def test_secrets_are_masked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MICORE_OZON_API_KEY", "canary-key")
        shown = config.shown(config.load_settings(SHOP), SHOP)
        assert shown["MICORE_OZON_API_KEY"] == "***"
        assert shown["MICORE_OZON_BASE_URL"] == "https://x.example"
        assert "canary-key" not in str(shown)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1))
def test_no_password_survives_masking(password: str) -> None:
    from urllib.parse import quote

    url = f"postgresql://me:{quote('pw-' + password, safe='')}@host:5432/db"
    assert config.masked_url(url) == "postgresql://me:***@host:5432/db"


def test_every_setting_says_what_it_is() -> None:
    for each in config.facts(SHOP):
        assert each.description.endswith("."), each.name
