import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readdirSync, unlinkSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "#files";
import { externalTai64n, microsNow } from "#log";
import { getopt, type Program, type ProgramCall, UsageError } from "#process";
import { stopWanted } from "./until-stopped.ts";

const sizeDefault = 104_000;
const leastSize = 512;
const countDefault = 10;
const leastCount = 1;
const marginDefault = 4_000;
const openMode = 0o644;
const finishedMode = 0o444;
/** A disk that refuses is tried again after so long; the writer of the lines waits, and nothing is lost. */
const retryMs = 5_000;
const fileName = /^@[0-9a-f]{16,24}$/;

type Limits = { readonly size: number; readonly count: number; readonly margin: number };

function readOptions({ args }: ProgramCall): Limits & { readonly folder: string } {
  const usage = "cyclog: usage: cyclog [ -sSIZE ] [ -nNUM ] [ -mMARGIN ] dir";
  const parsed = getopt(args, "s:n:m:");
  const [folder] = "problem" in parsed ? [] : parsed.rest;
  if ("problem" in parsed || folder === undefined) throw new UsageError(usage);
  const number = (letter: string, otherwise: number, least: number): number => {
    const value = parsed.options.findLast(([one]) => one === letter)?.[1];
    return Math.max(least, value === undefined ? otherwise : Number.parseInt(value, 10) || 0);
  };
  return {
    folder,
    size: number("s", sizeDefault, leastSize),
    count: number("n", countDefault, leastCount),
    margin: number("m", marginDefault, 0),
  };
}

/** A folder of log files, each named after the moment it was begun. */
class CycledLog {
  readonly #folder: string;
  readonly #limits: Limits;
  #fd: number | null = null;
  #name = "";
  #bytes = 0;

  constructor(folder: string, limits: Limits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  /** Writes some of the bytes; returns how many. Throws what the disk says; what was written stays. */
  write(bytes: Buffer): number {
    const { size, margin } = this.#limits;
    this.#fd ??= this.#begin();
    const room = bytes.subarray(0, size - this.#bytes);
    // From the margin on, the next line's end is the file's.
    const enough = Math.max(0, size - margin - this.#bytes - 1);
    const lf = enough < room.length ? room.indexOf(10, enough) : -1;
    const written = writeSync(this.#fd, lf < 0 ? room : room.subarray(0, lf + 1));
    this.#bytes += written;
    if (this.#bytes >= size || (lf >= 0 && written === lf + 1)) this.finish();
    return written;
  }

  /** The file in progress is on disk and will not change any more. */
  finish(): void {
    if (this.#fd === null) return;
    fsyncSync(this.#fd);
    chmodSync(join(this.#folder, this.#name), finishedMode);
    closeSync(this.#fd);
    this.#fd = null;
  }

  /** A new file; the oldest ones make room for it. */
  #begin(): number {
    const old = readdirSync(this.#folder)
      .filter((name) => fileName.test(name))
      .sort();
    for (const name of old.slice(0, Math.max(0, old.length + 1 - this.#limits.count)))
      unlinkSync(join(this.#folder, name));
    const micros = microsNow();
    const last = old.at(-1) ?? "";
    let nanos = (micros % 1_000_000) * 1000;
    const name = (): string => externalTai64n(Math.floor(micros / 1_000_000), nanos);
    // Two files of one microsecond keep their order.
    while (name() <= last && last.startsWith(name().slice(0, 17)) && nanos < 999_999_999) nanos++;
    this.#name = name();
    const fd = openSync(join(this.#folder, this.#name), "ax", openMode);
    this.#bytes = 0;
    return fd;
  }
}

/**
 * `cyclog [-sSIZE] [-nNUM] [-mMARGIN] DIR`: writes stdin into files of DIR, at most NUM of them, each ended at a line's end between
 * SIZE-MARGIN and SIZE bytes. A file in progress has mode 644, a finished one is synced and has 444. The predecessor of multilog.
 */
export const main: Program = async (call) => {
  const { folder, ...limits } = readOptions(call);
  const path = resolve(call.cwd, folder);
  const { stopped, forget } = stopWanted(call);
  const log = new CycledLog(path, limits);
  const chunks = call.stdin[Symbol.asyncIterator]();
  let isStopped = false;
  void stopped.then(() => {
    isStopped = true;
  });
  /** Does it until the disk lets it. */
  const insist = async <T>(act: () => T): Promise<T | null> => {
    for (;;) {
      try {
        return act();
      } catch (error) {
        call.stderr.write(`cyclog: warning: unable to write to ${folder}, pausing: ${errorText(error)}\n`);
        await Promise.race([sleep(retryMs), stopped]);
        if (isStopped) return null;
      }
    }
  };
  try {
    try {
      mkdirSync(path, { recursive: true, mode: 0o755 });
    } catch (error) {
      throw new UsageError(`cyclog: fatal: unable to create ${folder}: ${errorText(error)}`, 111);
    }
    for (;;) {
      const next = await Promise.race([chunks.next(), stopped]);
      if (next === "stopped" || next.done === true) break;
      let rest = next.value as Buffer;
      while (rest.length > 0) {
        const bytes = rest;
        const written = await insist(() => log.write(bytes));
        if (written === null) return 111;
        rest = rest.subarray(written);
      }
    }
    return (await insist(() => log.finish())) === null ? 111 : 0;
  } finally {
    forget();
  }
};
