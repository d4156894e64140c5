"""Backups by HTTP, on both databases."""

from __future__ import annotations

from micore.storage.tables import run
from tests.api.conftest import Api


def test_a_backup_can_be_asked_for_and_is_listed(either_api: Api) -> None:
    asked = either_api.post("/api/backup/create")
    assert (asked.status_code, asked.headers["location"]) == (202, "/api/backup/status")
    assert asked.json()["running"] is True
    again = either_api.post("/api/backup/create")
    assert (again.status_code, again.json()["type"]) == (409, "https://micore.invalid/problems/conflict")
    assert either_api.backups.work(scheduled=False) is not None
    status = either_api.get("/api/backup/status").json()
    assert (status["running"], status["verified"], status["last"]["state"]) == (False, 1, "verified")
    listed = either_api.get("/api/backup/list").json()
    assert listed == [status["last"]]
    assert listed[0]["trigger"] == "button"
    scraped = either_api.get("/metrics").text
    assert "inv_backup_verified 1.0" in scraped
    assert 'system_health_status{component="backup"} 1.0' in scraped


def test_health_tells_of_backups_that_do_not_happen(either_api: Api) -> None:
    either_api.post("/api/backup/create")
    folder = either_api.backups.backups.folder.path
    (folder / ".lock").mkdir(parents=True)
    assert either_api.backups.work(scheduled=False) is None
    health = either_api.get("/health")
    assert (health.status_code, health.json()["status"], health.json()["backup"]) == (200, "degraded", "failed")
    assert "The last backup failed." in health.json()["problems"][0]
    assert 'system_health_status{component="backup"} 0.5' in either_api.get("/metrics").text
    (folder / ".lock").rmdir()
    either_api.post("/api/backup/create")
    either_api.backups.work(scheduled=False)
    assert either_api.get("/health").json()["status"] == "ok"
    either_api.clock.advance(days=2)
    assert either_api.get("/health").json()["backup"] == "ok"
    with either_api.database.write() as connection:
        connection.execute(run.insert().values(kind="sync", source="o", state="done", trigger="button", created_at=1))
    assert either_api.get("/health").json()["backup"] == "late"


def test_a_folder_that_cannot_be_read_is_a_problem_with_its_remedy(api: Api) -> None:
    folder = api.backups.backups.folder.path
    folder.parent.mkdir(parents=True)
    folder.write_text("no folder")
    answer = api.get("/api/backup/list")
    assert (answer.status_code, answer.json()["type"]) == (503, "https://micore.invalid/problems/backup")
    assert "BACKUP_LOCAL_PATH" in answer.json()["remedy"]
    assert api.get("/health").json()["backup"] == "failed"
