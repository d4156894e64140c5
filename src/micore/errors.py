"""All of micore's errors, grouped by how one recovers from them.

MicoreError
├── FatalError                  stop and tell a person; trying again changes nothing
│   ├── SettingsError           a setting is missing or wrong
│   │   ├── UnknownSettingError a name that is no setting
│   │   └── EnvFileError        .env cannot be read
│   ├── NoMarketplaceError      no marketplace has a key yet
│   ├── SourceAuthError         a marketplace refuses the key
│   ├── SourceGoneError         a marketplace no longer has the method
│   ├── SourceProtocolError     an answer is not what the marketplace documents, as a whole
│   ├── StorageError            the database cannot be used as it is
│   │   └── StorageRefusedError the disk, or the system, does not serve the database now
│   ├── BackupError             a backup could not be made
│   ├── ArchiveError            the file of a backup is not what micore wrote
│   ├── RecoveryKeyError        the recovery key is missing, mistyped or cannot be kept
│   └── PluginError             a plug-in is missing, double or broken
├── RetryableError              the same call may go through later
│   ├── SourceBusyError         a marketplace asks us to wait
│   ├── SourceUnreachableError  a marketplace does not answer, or answers 5xx
│   │   └── OutcomeUnknownError nobody knows whether it did what it was asked to do
│   └── ReportPendingError      a report that was ordered is not made yet
├── DataError                   this datum is bad, the others are good
│   └── RecordRejectedError     one row cannot be believed; it goes to quarantine
├── RequestError                the caller asked for something that cannot be
│   ├── NotFoundError           no such thing
│   ├── InvalidRequestError     a parameter is out of its range
│   └── ConflictError           something else is under way
│       └── RunEndedError       a run that is over cannot be stopped
├── StopRequestedError          a person or a shutdown asked the work to stop; it resumes by itself
└── LeaseLostError              another worker has taken the run over; this one must not write any more

Each says what was received, what is allowed and what to do next; the facts are fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class MicoreError(Exception):
    """Base of everything micore raises on purpose."""

    @property
    def remedy(self) -> str:
        """What to do next, in one sentence; empty where nothing is to be done."""
        return ""


class FatalError(MicoreError):
    """Trying again changes nothing."""


class SettingsError(FatalError):
    """A setting is missing or wrong."""

    def __init__(self, name: str, *, received: str, allowed: str) -> None:
        super().__init__(f"{name}: received {received}; allowed: {allowed}.")
        self.name, self.received, self.allowed = name, received, allowed

    def renamed(self, beginning: str, other: str) -> SettingsError:
        """The same of the setting with another beginning: a plug-in does not know which account it was made for."""
        if not self.name.startswith(beginning):
            return self
        return SettingsError(other + self.name.removeprefix(beginning), received=self.received, allowed=self.allowed)

    @property
    def remedy(self) -> str:
        return f"Set {self.name} in the environment or in .env, then run `micore config check`."


class UnknownSettingError(SettingsError):
    """A name that is no setting; `meant` is the nearest one that is."""

    def __init__(self, name: str, *, meant: str | None) -> None:
        super().__init__(name, received="a name that is no setting", allowed=meant or "the names of the settings")
        self.args = (f"{name} is no setting of micore" + (f"; did you mean {meant}?" if meant else "."),)

    @property
    def remedy(self) -> str:
        return "Mend the name or take it away; `micore config show` lists all names."


class EnvFileError(SettingsError):
    """The file of the settings cannot be read."""

    def __init__(self, path: str, *, problem: str) -> None:
        super().__init__(path, received=problem, allowed="a text file in UTF-8")
        self.args = (f"The settings in {path} cannot be read: {problem}.",)

    @property
    def remedy(self) -> str:
        return f"Save {self.name} as text in UTF-8, readable for this user; .env.example shows its form."


class NoMarketplaceError(FatalError):
    """There is no key for any marketplace; says to a newcomer how to give one."""

    def __init__(self, reasons: Mapping[str, str], needed: Sequence[str], *, has_file: bool) -> None:
        told = "; ".join(f"{title}: {reason}" for title, reason in reasons.items())
        super().__init__(f"No marketplace is configured ({told}).")
        self.needed, self.has_file = needed, has_file

    @property
    def remedy(self) -> str:
        file = "Set in .env" if self.has_file else "Make .env by `cp .env.example .env` and set in it"
        return f"{file}, for the marketplace that you have, from its seller cabinet:\n" + "\n".join(
            [*self.needed, "Then run `micore config check`, and `micore sync` again."]
        )


class SourceAuthError(FatalError):
    """A marketplace refuses the key."""

    def __init__(self, source: str, *, status: int, said: str, path: str) -> None:
        super().__init__(f"{source} refused the key (HTTP {status} on {path}): {said}")
        self.source, self.status, self.said, self.path = source, status, said, path

    @property
    def remedy(self) -> str:
        return (
            f"Make a new key in the {self.source} seller cabinet with the needed rights and put it into the settings."
        )


class SourceGoneError(FatalError):
    """A marketplace no longer has the method."""

    def __init__(self, source: str, *, path: str) -> None:
        super().__init__(f"{source} answers 404 on {path}: the method has been switched off or moved.")
        self.source, self.path = source, path

    @property
    def remedy(self) -> str:
        return "Update micore; the other streams go on loading."


class SourceProtocolError(FatalError):
    """An answer, as a whole, is not what the marketplace documents."""

    def __init__(self, source: str, *, path: str, problem: str) -> None:
        super().__init__(f"{source} sent an answer on {path} that cannot be read: {problem}")
        self.source, self.path, self.problem = source, path, problem

    @property
    def remedy(self) -> str:
        return "Nothing of it was loaded. The stored response can be inspected; the next run reads it again."


class StorageError(FatalError):
    """The database cannot be used as it is."""

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(problem)
        self._remedy = remedy

    @property
    def remedy(self) -> str:
        return self._remedy


class StorageRefusedError(StorageError):
    """No room, a failing disk, too many open files: it works again by itself when that is mended."""

    def __init__(self, database: str, problem: str, remedy: str) -> None:
        super().__init__(f"The database {database} is refused by the disk or the system: {problem}.", remedy=remedy)


class BackupError(FatalError):
    """A backup could not be made or unpacked; those that there were are untouched."""

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(problem)
        self._remedy = remedy

    @property
    def remedy(self) -> str:
        return self._remedy


class ArchiveError(FatalError):
    """The file of a backup is not, to the byte, what micore wrote with this recovery key."""

    def __init__(self, path: str, *, problem: str, remedy: str = "") -> None:
        super().__init__(f"{path} is not a whole backup of micore: {problem}.")
        self.path, self.problem = path, problem
        self._remedy = remedy or "Take another backup; `micore backup list` shows which there are."

    @property
    def remedy(self) -> str:
        return self._remedy


class RecoveryKeyError(FatalError):
    """The recovery key is missing, mistyped or cannot be kept."""

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(problem)
        self._remedy = remedy

    @property
    def remedy(self) -> str:
        return self._remedy


class PluginError(FatalError):
    """A plug-in is missing, double or broken."""


class RetryableError(MicoreError):
    """The same call may go through later."""


class SourceBusyError(RetryableError):
    """A marketplace asks us to wait."""

    def __init__(self, source: str, *, path: str, retry_after_seconds: float | None) -> None:
        wait = "" if retry_after_seconds is None else f" {retry_after_seconds:g} s"
        super().__init__(f"{source} asked us to wait{wait} (HTTP 429 on {path}).")
        self.source, self.path, self.retry_after_seconds = source, path, retry_after_seconds

    @property
    def remedy(self) -> str:
        return "Nothing to do: the sync resumes by itself."


class SourceUnreachableError(RetryableError):
    """A marketplace does not answer, or answers with a server error."""

    def __init__(self, source: str, *, path: str, problem: str) -> None:
        super().__init__(f"{source} could not be read ({problem} on {path}).")
        self.source, self.path, self.problem = source, path, problem

    @property
    def remedy(self) -> str:
        return "What was loaded stays; the next run goes on from there. If it lasts, check the network."


class OutcomeUnknownError(SourceUnreachableError):
    """A marketplace was asked to do something once, and whether it has is not known: its answer was lost."""

    def __init__(self, source: str, *, path: str, problem: str) -> None:
        super().__init__(source, path=path, problem=problem)
        self.args = (f"{source} may or may not have done what {path} asks for: its answer was lost ({problem}).",)

    @property
    def remedy(self) -> str:
        return "Nothing to do: it is noted, and the next sync looks what became of it before it asks again."


class ReportPendingError(RetryableError):
    """A report that was ordered is not made yet."""

    def __init__(self, source: str, *, path: str, state: str, waited_seconds: float) -> None:
        super().__init__(
            f"{source} has not made the report of {path} yet ({state} after {waited_seconds / 60:.0f} min of this run)."
        )
        self.source, self.path, self.state, self.waited_seconds = source, path, state, waited_seconds

    @property
    def remedy(self) -> str:
        return "Nothing to do: the next sync asks for the same report again, it is not ordered twice."


class DataError(MicoreError):
    """This datum is bad, the others are good."""


class RecordRejectedError(DataError):
    """One row cannot be believed."""

    def __init__(self, *, reason: str, received: str, allowed: str) -> None:
        super().__init__(f"{reason}: received {received[:200]}; allowed: {allowed}.")
        self.reason, self.received, self.allowed = reason, received, allowed


class RequestError(MicoreError):
    """The caller asked for something that cannot be."""


class NotFoundError(RequestError):
    """No such thing."""

    def __init__(self, what: str, received: str) -> None:
        super().__init__(f"There is no {what} {received!r}.")
        self.what, self.received = what, received


class InvalidRequestError(RequestError):
    """A parameter is out of its range."""

    def __init__(self, parameter: str, *, received: str, allowed: str) -> None:
        super().__init__(f"{parameter}: received {received[:200]!r}; allowed: {allowed}.")
        self.parameter, self.received, self.allowed = parameter, received, allowed


class ConflictError(RequestError):
    """Something else is under way."""


class RunEndedError(ConflictError):
    """A run that is over cannot be stopped."""

    def __init__(self, run_id: int, *, state: str) -> None:
        super().__init__(f"Run {run_id} has ended already ({state}); there is nothing to stop.")
        self.run_id, self.state = run_id, state


class StopRequestedError(MicoreError):
    """A person or a shutdown asked the work to stop; it resumes by itself."""


class GiveWayError(StopRequestedError):
    """A live sync waits: the work goes back into the queue and goes on after it."""


class LeaseLostError(MicoreError):
    """Another worker has taken the run over; this one must not write any more."""

    def __init__(self) -> None:
        super().__init__("Another worker has taken this run over.")
