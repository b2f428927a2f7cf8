import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "#files";
import { type Program, UsageError } from "#process";
import { onSignal, stopWanted } from "./until-stopped.ts";

const mode = 0o666;
/** A file that cannot be opened or written is tried again after so long; nothing is lost meanwhile, the writer waits. */
const retryMs = 60_000;
const wrongUsage = 1;

/** A file that lines are appended to, opened anew on demand. */
class AppendedFile {
  readonly #path: string;
  readonly #warn: (text: string) => void;
  readonly #stopped: AbortSignal;
  #fd: number | null = null;

  constructor(path: string, warn: (text: string) => void, stopped: AbortSignal) {
    this.#path = path;
    this.#warn = warn;
    this.#stopped = stopped;
  }

  /** Opens the file if it is not open, and appends; false if it was told to stop before the disk took it all. */
  async append(bytes: Buffer): Promise<boolean> {
    for (let written = 0; ; ) {
      try {
        this.#fd ??= openSync(this.#path, "a", mode);
        if (written === bytes.length) return true;
        written += writeSync(this.#fd, bytes, written);
      } catch (error) {
        this.#warn(`unable to write ${this.#path}, trying again in ${retryMs / 1000} s: ${errorText(error)}`);
        await sleep(retryMs, undefined, { signal: this.#stopped }).catch(() => {}); // Told to stop: seen below.
        if (this.#stopped.aborted) return false;
      }
    }
  }

  /** What was written is on disk then; the next line opens the file under its name again. */
  close(): void {
    const fd = this.#fd;
    this.#fd = null;
    if (fd === null) return;
    try {
      fsyncSync(fd);
    } catch (error) {
      this.#warn(`unable to sync ${this.#path}: ${errorText(error)}`);
    }
    closeSync(fd);
  }
}

/**
 * `qfilelog FILE`: appends stdin to FILE. HUP: what is written is synced, and the file opened anew under its name (it was renamed). INT,
 * TERM and the end of input: synced, exit code 0.
 */
export const main: Program = async (call) => {
  const [path] = call.args;
  if (path === undefined || call.args.length !== 1) throw new UsageError("usage: qfilelog FILE", wrongUsage);
  const warn = (text: string): void => {
    call.stderr.write(`qfilelog: warning: ${text}\n`);
  };
  const stopping = new AbortController();
  const { stopped, forget } = stopWanted(call);
  void stopped.then(() => stopping.abort());
  const file = new AppendedFile(resolve(call.cwd, path), warn, stopping.signal);
  // Between two writes: writing is synchronous, so the signal never comes in the middle of a chunk.
  const offHup = onSignal(call, "SIGHUP", () => file.close());
  const chunks = call.stdin[Symbol.asyncIterator]();
  try {
    if (!(await file.append(Buffer.alloc(0)))) return 0;
    for (;;) {
      const next = await Promise.race([chunks.next(), stopped]);
      if (next === "stopped" || next.done === true) break;
      if (!(await file.append(next.value as Buffer))) break;
    }
    file.close();
    return 0;
  } finally {
    offHup();
    forget();
  }
};
