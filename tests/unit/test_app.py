"""What the composition root chooses."""

from __future__ import annotations

from pathlib import Path

from micore import app
from micore.cache import RedisCache
from micore.config import Settings


def program(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_answers_in_redis_are_of_this_very_program(tmp_path: Path) -> None:
    first = app.program_mark(program(tmp_path / "one", a="1", b="2"))
    assert first == app.program_mark(program(tmp_path / "elsewhere", a="1", b="2")), "on every machine the same"
    changes = ({"a": "1", "b": "3"}, {"a": "1", "c": "2"}, {"a": "1"})
    others = {app.program_mark(program(tmp_path / str(number), **told)) for number, told in enumerate(changes)}
    assert len(others | {first}) == 4
    cache = app._cache(Settings(redis_url="redis://127.0.0.1:1/0"))
    assert isinstance(cache, RedisCache)
    try:
        assert app.program_mark() in cache._key(7, "/api/v1/products/1")
    finally:
        cache.close()
