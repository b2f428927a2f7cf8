import { readFileSync, statSync } from "node:fs";

/** What tells one version of a file from another. */
function printOf(path: string): string | null {
  try {
    const { mtimeMs, ctimeMs, size, ino } = statSync(path);
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch {
    return null; // Not there, or not for us: reading it would tell which.
  }
}

/** Files are looked at this often at most. */
const lookMs = 1_000;

/** A file that may change while we use it. Nothing is opened before somebody asks. */
export class WatchedFile {
  readonly path: string;
  #print: string | null = null;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(path: string) {
    this.path = path;
  }

  /** Which version is there now, as far as the last look saw (a second ago at most); null: none. */
  print(nowMs: number): string | null {
    if (nowMs - this.#lookedAt >= lookMs) {
      this.#lookedAt = nowMs;
      this.#print = printOf(this.path);
    }
    return this.#print;
  }

  /** Its octets; null if there is no such file. Throws what else is in the way. */
  read(): Buffer | null {
    try {
      return readFileSync(this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  }
}
