/** Backups for the tests: none yet, or a history with everything in it. */
import type { Backup, BackupStatus } from "@/api/types";

export const backup = (part: Partial<Backup> = {}): Backup => ({
  id: "1f2e3d4c",
  at: "2026-11-21T23:00:05Z",
  state: "verified",
  trigger: "schedule",
  file: "/srv/micore/backups/micore-backup-20261121-230005Z-1f2e3d4c.tar",
  size_bytes: 12_345_678,
  database_bytes: 80_000_000,
  rows: 123_456,
  copy_seconds: 0.25,
  pack_seconds: 1.25,
  verify_seconds: 0.5,
  parts: ["database", "configuration"],
  schema: "0012",
  problem: null,
  ...part,
});

export const status = (part: Partial<BackupStatus> = {}): BackupStatus => ({
  running: false,
  running_since: null,
  alarm: null,
  problem: null,
  last: null,
  last_verified: null,
  verified: 0,
  next_at: "2026-11-22T23:00:00Z",
  schedule: "0 2 * * *",
  retention_days: 30,
  folder: "/srv/micore/backups",
  key_file: "/srv/micore/recovery.key",
  key_made: false,
  ...part,
});

export const noBackups = () => ({ status: status(), list: [] as Backup[] });

export const someBackups = (part: Partial<BackupStatus> = {}) => {
  const good = backup();
  const list = [
    backup({ id: "2a", state: "failed", file: null, size_bytes: 0, rows: 0, problem: "No backup was made: no room." }),
    good,
    backup({ id: "3b", state: "missing", trigger: "button" }),
    backup({ id: "4c", state: "deleted", trigger: "command" }),
    backup({ id: "5d", state: "unknown", trigger: null, rows: 0 }),
  ];
  return { status: status({ last: list[0] ?? null, last_verified: good, verified: 1, key_made: true, ...part }), list };
};
