import { readdirSync } from "node:fs";
import { join } from "node:path";

/** Rotated files have the TAI64N stamp of their end in their names, so names sort by time; `current` comes last. */
const rotated = /^@[0-9a-f]{24}\.[a-z]$/;

/** The names of a log folder's files, oldest first; none if multilog (or our own log writer) never wrote there. */
export function logFileNames(folder: string): readonly string[] {
  const names = readdirSync(folder);
  const old = names.filter((name) => rotated.test(name)).sort();
  return [...old, ...(names.includes("current") ? ["current"] : [])];
}

/** The folders of a folder, by name: the services of `log/`. */
export function subfolders(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** Whole paths of a log folder's files, oldest first. */
export function logFiles(folder: string): readonly string[] {
  return logFileNames(folder).map((name) => join(folder, name));
}
