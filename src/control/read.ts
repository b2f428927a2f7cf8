import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ByteString, trimBlanksEnd } from "#bytes";

/** A control file that cannot be read or holds what it must not; the message names file, line and reason. */
export class ControlError extends Error {}

const load = (home: string, file: string): ByteString | null => loadPath(join(home, "control", file));

function loadPath(path: string): ByteString | null {
  try {
    return readFileSync(path, "latin1");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return null;
    throw new ControlError(`unable to read ${path}: ${code ?? "error"}`, { cause });
  }
}

/** A single-value file: its first line without trailing blanks; null if the file is missing. `#` is no comment here. */
export function readValue(home: string, file: string): ByteString | null {
  const text = load(home, file);
  return text === null ? null : trimBlanksEnd(text.slice(0, (text.indexOf("\n") + 1 || text.length + 1) - 1));
}

/** Leading digits of a single-value file; null if the file is missing or has none (the default applies; spec Q-254). */
export function readNumber(home: string, file: string): number | null {
  const digits = /^[0-9]+/.exec(readValue(home, file) ?? "");
  return digits === null ? null : Number(digits[0]);
}

/** One entry of a list file and the line it stands on, counted from 1. */
export type ControlEntry = { readonly text: ByteString; readonly line: number };

const entriesOf = (text: ByteString): readonly ControlEntry[] =>
  text
    .split("\n")
    .map((line, index) => ({ text: trimBlanksEnd(line), line: index + 1 }))
    .filter((entry) => entry.text !== "" && !entry.text.startsWith("#"));

/** A list file's entries with their line numbers, for those who must say which line decided; otherwise as `readLines`. */
export function readEntries(home: string, file: string): readonly ControlEntry[] | null {
  const text = load(home, file);
  return text === null ? null : entriesOf(text);
}

/** A list file: its entries without trailing blanks, comments and empty lines left out; null if missing (which is not an empty list). */
export function readLines(home: string, file: string): readonly ByteString[] | null {
  return readEntries(home, file)?.map((entry) => entry.text) ?? null;
}

/** As `readLines`, for a list file anywhere (`QMAILMFTFILE` names one). */
export function readListFile(path: string): readonly ByteString[] | null {
  const text = loadPath(path);
  return text === null ? null : entriesOf(text).map((entry) => entry.text);
}

/** A whole file as it stands; null if it is missing. */
export function readText(home: string, file: string): ByteString | null {
  return load(home, file);
}
