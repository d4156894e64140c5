"""What runs have found."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from micore.domain.findings import Finding, FindingKind
from micore.storage.tables import run_finding


def add(connection: Connection, run_id: int, stream: str, found: Sequence[Finding]) -> None:
    """Keep findings of a stream, those that the run has told already left out."""
    told = set(
        connection.execute(
            select(run_finding.c.message).where(run_finding.c.run_id == run_id, run_finding.c.stream == stream)
        ).scalars()
    )
    new = {each.message: each for each in found if each.message not in told}
    if new:
        connection.execute(
            insert(run_finding),
            [
                {
                    "run_id": run_id,
                    "stream": stream,
                    "kind": each.kind.value,
                    "message": each.message,
                    "facts": json.dumps(each.facts, ensure_ascii=False),
                }
                for each in new.values()
            ],
        )


def of_runs(connection: Connection, run_ids: Sequence[int]) -> dict[tuple[int, str], list[Finding]]:
    """Findings by run and stream, in the order they were found."""
    found: dict[tuple[int, str], list[Finding]] = {}
    for row in connection.execute(
        select(run_finding).where(run_finding.c.run_id.in_(run_ids)).order_by(run_finding.c.id)
    ):
        finding = Finding(FindingKind(row.kind), row.message, json.loads(row.facts))
        found.setdefault((row.run_id, row.stream), []).append(finding)
    return found
