/**
 * A folder of rotated logs, as multilog keeps it (daemontools; spec: daemontools 5.1-5.3).
 *
 * | state       | current            | previous   | processed            | found at the next start                               |
 * |-------------|--------------------|------------|----------------------|-------------------------------------------------------|
 * | F1 open     | 0644, growing      |            |                      | current becomes @T.u                                  |
 * | F2 full     | synced, 0644       |            |                      | current becomes @T.u                                  |
 * | F3 renamed  | new or none        | 0644, 0744 |                      | previous becomes @T.u, then current (as all below)    |
 * | F4 in work  | new, empty         | 0744       | 0644, growing        | processed is removed, previous becomes @T.u           |
 * | F5 worked   | new, empty         | 0744, none | 0744, synced         | previous is removed, processed becomes @T.s           |
 * | F6 put away | new, empty         |            |                      | as F1 (a file with two links has its name: unlink)    |
 * | F7 closed   | 0744, synced       |            |                      | current is written on                                 |
 *
 * Without a processor F3 goes to F6. Nothing is ever removed before its bytes are synced under another name, but the oldest files.
 */
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { errorCode, errorText, flockFile, lockByHelper } from "#files";
import { fineClock, tai64nLabel } from "./clock.ts";
import { runProcessor } from "./processor.ts";
import type { FolderRules } from "./script.ts";

const openMode = 0o644;
const completeMode = 0o744;
const ownerExecutes = 0o100;
const lf = 0x0a;
/** From here to the full size a line's end is a good place to begin a new file. */
const lastBytes = 2_000;
/** How long after trouble it is tried again. */
export const pauseMs = 5_000;

/** Why a folder cannot be used at all, with the classic words. */
export class FolderTrouble extends Error {}

/** What a folder is given: who hears of trouble, and how to wait. */
export type FolderDoors = {
  /** A sentence that ends in what the system said. */
  readonly warn: (sentence: string) => void;
  readonly pause: () => Promise<void>;
};

function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}

/** A rotated log: takes bytes, and waits rather than lose one. One at a time: await each call before the next. */
export class LogFolder {
  readonly path: string;
  readonly #shown: string;
  readonly #rules: FolderRules;
  readonly #doors: FolderDoors;
  readonly #now = fineClock();
  readonly #lock: number;
  #fd = -1;
  #bytes = 0;

  /** `path` is absolute; `shown` is how complaints name it. Locks the folder, mends what a crash left. Throws `FolderTrouble`. */
  constructor(path: string, shown: string, rules: FolderRules, doors: FolderDoors) {
    this.path = path;
    this.#shown = shown;
    this.#rules = rules;
    this.#doors = doors;
    this.#lock = this.#takeLock();
    try {
      this.#open();
    } catch (error) {
      closeSync(this.#lock);
      throw new FolderTrouble(`unable to open ${shown}/current: ${errorText(error)}`);
    }
  }

  /** Bytes in the file that grows. */
  get size(): number {
    return this.#bytes;
  }

  /** Appends all of it; a file that is full in between is put away. Comes back when every byte is written. */
  async write(bytes: Buffer): Promise<void> {
    for (let rest = bytes; rest.length > 0; ) {
      const { sizeBytes } = this.#rules;
      if (this.#bytes >= sizeBytes) await this.rotate();
      const block = this.#upToFull(rest);
      const written = await this.#steadily(`unable to write to ${this.#shown}/current`, () =>
        writeSync(this.#fd, block, 0, block.length),
      );
      this.#bytes += written;
      rest = rest.subarray(written);
      if (this.#bytes >= sizeBytes - lastBytes && block[written - 1] === lf) await this.rotate();
    }
  }

  /** What of it fits: up to the last line's end if that comes near the full size, else up to the full size. */
  #upToFull(bytes: Buffer): Buffer {
    const { sizeBytes } = this.#rules;
    const block = bytes.subarray(0, sizeBytes - this.#bytes);
    if (this.#bytes + block.length < sizeBytes - lastBytes) return block;
    const end = block.lastIndexOf(lf);
    return end < 0 ? block : block.subarray(0, end + 1);
  }

  /** F1 -> F2 -> F3 -> (F4 -> F5 ->) F6: puts the growing file away, and begins a new one. */
  async rotate(): Promise<void> {
    const shown = this.#shown;
    await this.#steadily(`unable to write ${shown}/current to disk`, () => fsyncSync(this.#fd));
    closeSync(this.#fd);
    await this.#steadily(`unable to rename ${shown}/current`, () =>
      renameSync(this.#file("current"), this.#file("previous")),
    );
    this.#fd = await this.#steadily(`unable to create ${shown}/current`, () => this.#openCurrent());
    this.#bytes = 0;
    await this.#steadily(`unable to set mode of ${shown}/previous`, () =>
      chmodSync(this.#file("previous"), completeMode),
    );
    if (this.#rules.processor === null) {
      await this.#steadily(`unable to put away ${shown}/previous`, () => this.#finish("previous", this.#rules.suffix));
    } else {
      await this.#process(this.#rules.processor);
    }
  }

  /** F3 -> F4 -> F5 -> F6. */
  async #process(command: string): Promise<void> {
    const shown = this.#shown;
    for (;;) {
      const end = await this.#steadilyAsync(`unable to start processor in ${shown}`, () =>
        runProcessor(this.path, command),
      );
      if (end === "done") break;
      this.#doors.warn(`processor ${end === "failed" ? "failed" : "crashed"} in ${shown}, pausing`);
      await this.#doors.pause();
    }
    await this.#steadily(`unable to write ${shown}/processed to disk`, () => this.#seal("processed", completeMode));
    await this.#steadily(`unable to write ${shown}/newstate to disk`, () => this.#seal("newstate", openMode));
    await this.#steadily(`unable to remove ${shown}/previous`, () => removeIfThere(this.#file("previous")));
    await this.#steadily(`unable to rename ${shown}/newstate`, () =>
      renameSync(this.#file("newstate"), this.#file("state")),
    );
    await this.#steadily(`unable to put away ${shown}/processed`, () => this.#finish("processed", this.#rules.suffix));
  }

  /** F1 -> F7. The folder is free for another afterwards. */
  async close(): Promise<void> {
    await this.#steadily(`unable to write ${this.#shown}/current to disk`, () => fsyncSync(this.#fd));
    await this.#steadily(`unable to set mode of ${this.#shown}/current`, () => fchmodSync(this.#fd, completeMode));
    closeSync(this.#fd);
    closeSync(this.#lock);
  }

  #file(name: string): string {
    return join(this.path, name);
  }

  #takeLock(): number {
    const shown = this.#shown;
    try {
      mkdirSync(this.path, 0o700);
    } catch {
      // There already; or the next line says why it is not.
    }
    let fd: number;
    try {
      if (!statSync(this.path).isDirectory()) throw Object.assign(new Error(), { code: "ENOTDIR" });
    } catch (error) {
      throw new FolderTrouble(`unable to open directory ${shown}: ${errorText(error)}`);
    }
    try {
      fd = openSync(this.#file("lock"), "a", 0o600);
    } catch (error) {
      throw new FolderTrouble(`unable to lock directory ${shown}: ${errorText(error)}`);
    }
    // By the helper first: this process lives long, and the library would stay in its memory.
    if ((lockByHelper(fd, "now") ?? flockFile(fd)) === true) return fd;
    closeSync(fd);
    throw new FolderTrouble(`unable to lock directory ${shown}: ${errorText({ code: "EAGAIN" })}`);
  }

  /** F7 -> F1, or whatever a crash left -> F1. */
  #open(): void {
    const current = statOf(this.#file("current"));
    if (current !== null && (current.mode & ownerExecutes) !== 0) {
      this.#fd = this.#openCurrent();
      this.#bytes = fstatSync(this.#fd).size;
      return;
    }
    removeIfThere(this.#file("state"));
    removeIfThere(this.#file("newstate"));
    const processed = statOf(this.#file("processed"));
    if (processed !== null && (processed.mode & ownerExecutes) !== 0) {
      removeIfThere(this.#file("previous"));
      this.#finish("processed", this.#rules.suffix);
    } else {
      removeIfThere(this.#file("processed"));
      this.#finish("previous", "u");
    }
    this.#finish("current", "u");
    closeSync(openSync(this.#file("state"), "w", openMode));
    this.#fd = this.#openCurrent();
    this.#bytes = 0;
  }

  #openCurrent(): number {
    const { O_WRONLY, O_APPEND, O_CREAT } = constants;
    const fd = openSync(this.#file("current"), O_WRONLY | O_APPEND | O_CREAT, openMode);
    fchmodSync(fd, openMode);
    return fd;
  }

  /** Syncs a file as it is now. */
  #seal(name: string, mode: number): void {
    const fd = openSync(this.#file(name), "r+");
    try {
      fsyncSync(fd);
      fchmodSync(fd, mode);
    } finally {
      closeSync(fd);
    }
  }

  /** Gives a file its name for good, then removes the oldest that are too many. Nothing to do if the file is not there. */
  #finish(name: string, suffix: string): void {
    const file = this.#file(name);
    const found = statOf(file);
    if (found === null) return;
    // With a second link it got its name before a crash, and lost only the time to be unlinked.
    if (found.nlink === 1) this.#link(file, suffix);
    unlinkSync(file);
    this.#removeOldest();
  }

  #link(file: string, suffix: string): void {
    for (;;) {
      try {
        linkSync(file, this.#file(`${tai64nLabel(this.#now())}.${suffix}`));
        return;
      } catch (error) {
        if (errorCode(error) !== "EEXIST") throw error; // Else the next nanosecond has a name of its own.
      }
    }
  }

  #removeOldest(): void {
    const old = readdirSync(this.path).filter((name) => name.startsWith("@") && name.length >= 25);
    const tooMany = old.sort().slice(0, Math.max(0, old.length - (this.#rules.files - 1)));
    for (const name of tooMany) removeIfThere(this.#file(name));
  }

  /** Tries until it works: a log that waits is better than one with a hole. */
  async #steadily<T>(what: string, act: () => T): Promise<T> {
    return this.#steadilyAsync(what, async () => act());
  }

  async #steadilyAsync<T>(what: string, act: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await act();
      } catch (error) {
        this.#doors.warn(`${what}, pausing: ${errorText(error)}`);
        await this.#doors.pause();
      }
    }
  }
}
