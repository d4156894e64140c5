"""`micore source`, as people type it; also for a plug-in that another package brings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.integration.test_commands import environment

OTHER = '''
"""A source from another package: one warehouse, told by nobody."""

import datetime
import json

from micore.domain.records import Holder, PlaceKind, PlaceRecord
from micore.errors import NotFoundError, SettingsError
from micore.sources.base import AccountFacts, Option, Page, RawAnswer, Stream, StreamKind


class HerbSource:
    name = "herbs"
    title = "Herbs"
    options = (Option("garden", "Name of the garden."),)
    streams = (Stream("warehouses", StreamKind.LISTING),)
    parser = "herbs/1"

    def __init__(self, options, tools):
        if not options.get("garden"):
            raise SettingsError("MICORE_HERBS_GARDEN", received="nothing", allowed="a name")
        self.garden, self.tools = options["garden"], tools

    def account(self):
        return AccountFacts(self.garden, self.garden, "RUB")

    def read(self, stream, cursor, *, full=False):
        if stream != "warehouses":
            raise NotFoundError("stream of herbs", stream)
        now = self.tools.now()
        place = PlaceRecord(PlaceKind.STORE, PLACE_ID, "Shed", Holder.OWN, "", None)
        raw = RawAnswer(json.dumps(place).encode(), "GET /shed", "", now)
        yield Page(raw, [place], [], "{}", now, done=True)

    def close(self):
        pass
'''


def install(folder: Path, *, place_id: str) -> None:
    """What pip leaves behind: the module, and the metadata that names its entry point."""
    folder.mkdir()
    (folder / "micore_herbs.py").write_text(OTHER.replace("PLACE_ID", place_id))
    info = folder / "micore_herbs-2.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: micore-herbs\nVersion: 2.5\n")
    (info / "entry_points.txt").write_text("[micore.sources]\nherbs = micore_herbs:HerbSource\n")


def micore(tmp_path: Path, *words: str, **given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "micore", *words],
        cwd=tmp_path,
        env=environment(tmp_path, PYTHONPATH=str(tmp_path / "site"), **given),
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def test_a_plug_in_of_another_package_is_found_and_checked(tmp_path: Path) -> None:
    install(tmp_path / "site", place_id='"1"')
    listed = json.loads(micore(tmp_path, "source", "list", "--json").stdout)
    assert {
        "source": "herbs",
        "package": "micore-herbs 2.5",
        "state": "MICORE_HERBS_GARDEN not set",
    } in listed
    said = micore(tmp_path, "source", "check", "herbs", MICORE_HERBS_GARDEN="Dacha")
    assert said.returncode == 0, said.stderr
    assert "at most 200 requests" in said.stdout
    assert "herbs (micore-herbs 2.5): 100 of 100" in said.stdout


def test_a_broken_plug_in_is_told_what_to_mend(tmp_path: Path) -> None:
    install(tmp_path / "site", place_id="17")
    said = micore(tmp_path, "source", "check", "herbs", "--set", "garden=Dacha")
    assert said.returncode == 2
    assert "PlaceRecord.place_id is 17, a int; allowed: str" in said.stdout
    assert "How to mend it: Use micore.sources.fields" in said.stdout
    report = json.loads(micore(tmp_path, "source", "check", "herbs", "--set", "garden=Dacha", "--json").stdout)
    assert report["score"] < 100
    assert [each["name"] for each in report["results"] if each["verdict"] == "failed"] == ["values-fit"]


def test_what_cannot_be_checked_says_what_is_missing(tmp_path: Path) -> None:
    install(tmp_path / "site", place_id='"1"')
    for words, text in {
        ("nobody",): "there is no 'nobody'; installed: ",
        ("herbs",): "MICORE_HERBS_GARDEN: received nothing",
        ("herbs", "--set", "gardn=Dacha"): "--set: received 'gardn'; allowed: garden",
        ("herbs", "--simulator", "--set", "garden=Dacha"): "allowed: ozon, wildberries",
    }.items():
        said = micore(tmp_path, "source", "check", *words)
        assert said.returncode == 1, said.stdout
        assert text in said.stderr


def test_a_marketplace_is_checked_against_the_simulator(tmp_path: Path) -> None:
    said = micore(tmp_path, "source", "check", "wildberries", "--simulator", "--json")
    assert said.returncode == 0, said.stdout[-2000:] + said.stderr[-2000:]
    report = json.loads(said.stdout)
    assert report["score"] == 100
    assert report["cut_short"] is None
    assert 0 < report["requests"] < 200
