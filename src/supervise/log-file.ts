import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { tai64nOf } from "#log";

/** A file is full at this size; with `keptFiles` old ones a log takes at most 110 MB. */
const maxFileBytes = 10 * 1024 * 1024;
const keptFiles = 10;
/** Lines kept in memory while the disk does not take them; older ones are dropped beyond it. */
const maxPendingBytes = 1024 * 1024;
/** How long to wait before a disk that refused is tried again, in milliseconds. */
const retryMs = 1_000;
/** multilog's modes: a file that is complete and on disk can be told by its x bit. */
const openMode = 0o644;
const completeMode = 0o744;

/** The supervisor may be root: it must not be led to a file elsewhere, nor be held up by a pipe. */
const openFlags =
  constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Sizes and waits a test may make smaller. */
export type LogLimits = {
  readonly maxFileBytes: number;
  readonly keptFiles: number;
  readonly maxPendingBytes: number;
  readonly retryMs: number;
};

/**
 * A rotated log folder as multilog keeps it: `current`, and `@TAI64N.s` for full files. `append` never waits and never throws:
 * what the disk refuses is kept in bounded memory, tried again every second, and told once through `tell`.
 */
export class LogFile {
  readonly #folder: string;
  readonly #tell: (sentence: string) => void;
  readonly #limits: LogLimits;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #droppedBytes = 0;
  #handle: FileHandle | null = null;
  #size = 0;
  #pumping: Promise<void> | null = null;
  #failing = false;
  #closing = false;

  constructor(folder: string, tell: (sentence: string) => void, limits: Partial<LogLimits> = {}) {
    this.#folder = folder;
    this.#tell = tell;
    this.#limits = { maxFileBytes, keptFiles, maxPendingBytes, retryMs, ...limits };
  }

  /** Takes whole lines. What comes while a write is under way leaves with the next one. */
  append(lines: Buffer): void {
    this.#pending.push(lines);
    this.#pendingBytes += lines.length;
    while (this.#pendingBytes > this.#limits.maxPendingBytes && this.#pending.length > 1) {
      const oldest = this.#pending.shift()!;
      this.#pendingBytes -= oldest.length;
      this.#droppedBytes += oldest.length;
    }
    this.#pumping ??= this.#pump();
  }

  /** Writes what is there (one more try if the disk refuses), marks `current` complete and closes it. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#pumping;
    const handle = this.#handle;
    this.#handle = null;
    if (handle === null) return;
    await handle.sync().catch(() => {}); // The disk refused already and that was told; the log is not the mail.
    await handle.chmod(completeMode).catch(() => {});
    await handle.close();
  }

  async #pump(): Promise<void> {
    while (this.#pending.length > 0) {
      const taken = this.#pending;
      this.#pending = [];
      this.#pendingBytes = 0;
      const rest = await this.#write(Buffer.concat(taken));
      if (rest === null) continue;
      this.#pending.unshift(rest);
      this.#pendingBytes += rest.length;
      if (this.#closing) break;
      await new Promise((wake) => setTimeout(wake, this.#limits.retryMs));
    }
    this.#pumping = null;
  }

  /** Null when all is written, else what is not. */
  async #write(bytes: Buffer): Promise<Buffer | null> {
    let written = 0;
    try {
      this.#handle ??= await this.#open();
      while (written < bytes.length) {
        const result = await this.#handle.write(bytes, written);
        written += result.bytesWritten;
        this.#size += result.bytesWritten;
      }
      if (this.#failing) this.#tell(`the log ${this.#folder} is written again${this.#lost()}`);
      this.#failing = false;
      if (this.#size >= this.#limits.maxFileBytes) await this.#rotate();
      return null;
    } catch (error) {
      if (!this.#failing) {
        this.#tell(`the log ${this.#folder} cannot be written (${(error as Error).message}); its lines wait in memory`);
      }
      this.#failing = true;
      return written === bytes.length ? null : bytes.subarray(written);
    }
  }

  #lost(): string {
    const lost = this.#droppedBytes;
    this.#droppedBytes = 0;
    return lost === 0 ? "" : `; ${lost} bytes of it did not fit in memory and are lost`;
  }

  async #open(): Promise<FileHandle> {
    await mkdir(this.#folder, { recursive: true, mode: 0o755 });
    const handle = await open(join(this.#folder, "current"), openFlags, openMode);
    try {
      const found = await handle.stat();
      // A second name would let lines, and our mode, reach a file that is not in this folder.
      if (!found.isFile() || found.nlink !== 1) throw new Error("current is not a file of this folder alone");
      await handle.chmod(openMode);
      this.#size = found.size;
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async #rotate(): Promise<void> {
    const handle = this.#handle!;
    await handle.sync();
    await handle.chmod(completeMode);
    await rename(join(this.#folder, "current"), join(this.#folder, `${tai64nOf(new Date())}.s`));
    this.#handle = null;
    await handle.close();
    const old = (await readdir(this.#folder)).filter((name) => name.startsWith("@")).sort();
    for (const name of old.slice(0, -this.#limits.keptFiles)) await rm(join(this.#folder, name), { force: true });
  }
}
