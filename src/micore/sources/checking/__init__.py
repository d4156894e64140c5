"""Does a plug-in keep what a source promises? The checks behind `micore source check` and tests/contracts."""

from __future__ import annotations

from micore.sources.checking.adversity import Pretence
from micore.sources.checking.catalogue import CHECKS
from micore.sources.checking.check import Check, NotTriedError, Report, Result, Verdict
from micore.sources.checking.runner import check_source, checks_of, run_check
from micore.sources.checking.trial import Budget, Place, Trial

__all__ = [
    "CHECKS",
    "Budget",
    "Check",
    "NotTriedError",
    "Place",
    "Pretence",
    "Report",
    "Result",
    "Trial",
    "Verdict",
    "check_source",
    "checks_of",
    "run_check",
]
