import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "#files";
import { logFileNames } from "#log";

const readBytes = 64 * 1024;

function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
}

const isSame = (a: Stats | null, b: Stats): boolean => a !== null && a.ino === b.ino && a.dev === b.dev;

/**
 * Reads a log folder as it grows, across rotations: the file in hand is read to its end after it was rotated, then those that were
 * rotated since, then `current`. Nothing is lost as long as the folder keeps what has not been read; of a log with a processor, whose
 * rotated files are other ones than were written, the rotated files that were `current` while nobody looked are read as they are then.
 */
export class LogFollower {
  readonly #folder: string;
  readonly #buffer = Buffer.allocUnsafe(readBytes);
  #fd: number | null = null;
  #next: string[] = [];
  #known: ReadonlySet<string> = new Set();
  #fromEnd: boolean;

  /** `begin`: with what is there, or with what comes. */
  constructor(folder: string, begin: "oldest" | "current" | "end") {
    this.#folder = folder;
    this.#fromEnd = begin === "end";
    if (begin === "oldest") this.#next = logFileNames(folder).filter((name) => name !== "current");
    this.#open();
  }

  /** The next bytes, valid until the next call; null if there are none for now. */
  read(): Buffer | null {
    for (;;) {
      if (this.#fd === null && !this.#open()) return null;
      const got = this.#some();
      if (got !== null) return got;
      if (isSame(statOf(join(this.#folder, "current")), fstatSync(this.#fd!))) return null;
      // It has been rotated, or rotation is under way: what was written before is read first.
      const rest = this.#some();
      if (rest !== null) return rest;
      if (statOf(join(this.#folder, "current")) === null) return null;
      this.#leave();
    }
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #some(): Buffer | null {
    const count = readSync(this.#fd!, this.#buffer);
    return count === 0 ? null : this.#buffer.subarray(0, count);
  }

  /** Opens the next file; false if there is none now. One that rotation removed meanwhile is passed over. */
  #open(): boolean {
    for (;;) {
      const name = this.#next[0] ?? "current";
      try {
        this.#known = new Set(logFileNames(this.#folder));
        this.#fd = openSync(join(this.#folder, name), "r");
      } catch (error) {
        if (errorCode(error) !== "ENOENT") throw error;
        if (this.#next.shift() === undefined) return false;
        continue;
      }
      this.#next.shift();
      if (this.#fromEnd) this.#skip();
      this.#fromEnd = false;
      return true;
    }
  }

  /** To the end of what is there, which is a line's end. */
  #skip(): void {
    while (this.#some() !== null);
  }

  /** Behind the end of a file that is not `current` any more: which ones come now? */
  #leave(): void {
    const mine = fstatSync(this.#fd!);
    this.close();
    const names = logFileNames(this.#folder).filter((name) => name !== "current");
    const at = names.findIndex((name) => isSame(statOf(join(this.#folder, name)), mine));
    if (at >= 0) {
      this.#next = names.slice(at + 1);
      return;
    }
    const fresh = names.filter((name) => !this.#known.has(name));
    // Ours is gone. The oldest files are removed first: if one it was rotated behind is still there, a processor replaced it.
    this.#next = fresh.length < names.length ? fresh.slice(1) : fresh;
  }
}
