/**
 * The services' compiled code, from the first house of a test run to all others: compiling it is two thirds of a fresh house's start. The
 * start itself sees by `run/cache/version` whether it is code of this checkout as it stands.
 */
import { createHash } from "node:crypto";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Beside our own code, where the commands keep theirs: who may not write there keeps it for this process alone. */
const shared = join(import.meta.dirname, "..", "..", "node_modules", ".cache", "quail-test-code");
let ownFolder: string | null = null;

function folderOfOurs(): string {
  try {
    mkdirSync(shared, { recursive: true, mode: 0o700 });
    const trial = mkdtempSync(join(shared, "try-"));
    rmSync(trial, { recursive: true });
    return shared;
  } catch {
    // A checkout of somebody else's.
  }
  if (ownFolder !== null) return ownFolder;
  const made = mkdtempSync(join(tmpdir(), "quail-test-code-"));
  process.on("exit", () => rmSync(made, { recursive: true, force: true }));
  ownFolder = made;
  return made;
}

/** Code of one kind of house: whose services run as other users, or are others, keeps its own. */
export type KeptCode = {
  /** Lays it into a home that has none. */
  give(home: string): void;
  /** Takes what a house has compiled when it is ready. */
  take(home: string): void;
};

/** `kind`: whatever decides which services there are and who they are. */
export function keptCode(kind: readonly string[]): KeptCode {
  const key = createHash("sha256")
    .update(JSON.stringify([process.getuid?.(), ...kind]))
    .digest("hex");
  const path = (): string => join(folderOfOurs(), key.slice(0, 16));
  const version = (folder: string): string | null => {
    try {
      return readFileSync(join(folder, "version"), "latin1");
    } catch {
      return null;
    }
  };
  return {
    give(home) {
      const run = join(home, "run");
      const target = join(run, "cache");
      try {
        mkdirSync(run, { recursive: true });
        chmodSync(run, 0o711); // As the start makes it.
        cpSync(path(), target, { recursive: true, errorOnExist: true, force: false });
      } catch {
        rmSync(target, { recursive: true, force: true }); // None yet, or another test is just replacing it.
      }
    },
    take(home) {
      const source = join(home, "run", "cache");
      const found = version(source);
      if (found === null || found === version(path())) return;
      const made = mkdtempSync(join(folderOfOurs(), "new-"));
      try {
        cpSync(source, made, { recursive: true });
        chmodSync(made, 0o755); // As a home's own: services of other users read it.
        rmSync(path(), { recursive: true, force: true });
        renameSync(made, path());
      } catch {
        rmSync(made, { recursive: true, force: true }); // Another test was quicker.
      }
    },
  };
}
