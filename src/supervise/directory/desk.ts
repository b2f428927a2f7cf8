import { closeSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { errorCode, errorText } from "#files";
import { tryLock } from "../lock-fd.ts";
import { holdFifo, listenAtFifo, makeFifos } from "./fifo.ts";
import type { HeldFolder } from "./held-folder.ts";
import { renderStatus, type StatusRecord } from "./status-record.ts";

/** Why a service cannot be supervised: `unable to acquire D/supervise/lock: temporary failure`. */
export class DeskError extends Error {}

/** What a desk needs to know besides where it stands. */
export type DeskParts = {
  readonly folder: HeldFolder;
  /** Where the state lies: `supervise`, or an absolute path (SUPERVISEDIR). */
  readonly state: string;
  /** Control bytes as characters, one or more that were read together. */
  readonly hear: (commands: string) => void;
  /** A sentence behind `supervise: warning: `. */
  readonly warn: (sentence: string) => void;
};

/** Facts for machines, beside the bytes of `status`: a record, what stands in `facts`, and nothing else. */
export type StatusFacts = Readonly<Record<string, string | number | boolean | null>>;

/** Runs a step; what it throws is `unable to DOING DIR/supervise/NAME: WHY`. */
function step<T>(doing: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new DeskError(`unable to ${doing}: ${errorText(error)}`, { cause: error });
  }
}

/**
 * Where a service is asked for and tells of itself: `supervise/{lock,control,ok,status}` in its directory, the original's protocol, so
 * that anybody's svc and svstat work on it (spec 1). `status.json` says the same for programs.
 */
export class Desk {
  readonly #parts: DeskParts;
  readonly #lockFd: number;
  readonly #okFd: number;
  readonly #control: { close(): void };

  private constructor(parts: DeskParts, lockFd: number, okFd: number, control: { close(): void }) {
    this.#parts = parts;
    this.#lockFd = lockFd;
    this.#okFd = okFd;
    this.#control = control;
  }

  /** Takes the desk of a directory; throws DeskError when another sits there, or it cannot be made. `first` is its first record. */
  static async open(parts: DeskParts, first: StatusRecord, facts: StatusFacts): Promise<Desk> {
    const { folder, state } = parts;
    const at = (name: string): string => folder.at(`${state}/${name}`);
    const shown = (name: string): string => (state.startsWith("/") ? state : `${folder.name}/${state}`) + name;
    makeStateFolder(at("."), shown(""));
    const lockFd = step(`acquire ${shown("/lock")}`, () => openSync(at("lock"), "a", 0o600));
    let okFd: number | null = null;
    try {
      if ((await tryLock(lockFd)) === false)
        throw new DeskError(`unable to acquire ${shown("/lock")}: temporary failure`);
      step(`create ${shown("/control")}`, () => makeFifos([at("control"), at("ok")]));
      // Who knocks at `ok` and is heard finds a status: it is written before.
      writeStatus(parts, first, facts);
      const hear = (bytes: Buffer): void => parts.hear(bytes.toString("latin1"));
      okFd = step(`read ${shown("/ok")}`, () => holdFifo(at("ok")));
      const control = step(`read ${shown("/control")}`, () => listenAtFifo(at("control"), hear));
      return new Desk(parts, lockFd, okFd, control);
    } catch (error) {
      closeSync(lockFd);
      if (okFd !== null) closeSync(okFd);
      throw error;
    }
  }

  /** Replaces the status; a disk that refuses is a warning, for the service matters more. */
  report(record: StatusRecord, facts: StatusFacts): void {
    writeStatus(this.#parts, record, facts);
  }

  /** Nobody is here any more. The last status stays. */
  close(): void {
    this.#control.close();
    closeSync(this.#okFd);
    closeSync(this.#lockFd);
  }
}

function makeStateFolder(path: string, shown: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw new DeskError(`unable to create ${shown}: ${errorText(error)}`);
  }
}

/** What stands in `status.json`: the record in words, then `facts`. */
function statusJson({ seconds, nanoseconds, pid, paused, wanted, state }: StatusRecord, facts: StatusFacts): string {
  const since = new Date(seconds * 1000 + Math.floor(nanoseconds / 1e6)).toISOString();
  return `${JSON.stringify({ pid: pid === 0 ? null : pid, since, paused: pid !== 0 && paused, wanted, state, ...facts })}\n`;
}

function writeStatus({ folder, state, warn }: DeskParts, record: StatusRecord, facts: StatusFacts): void {
  const files = [
    ["status.json", Buffer.from(statusJson(record, facts))],
    ["status", renderStatus(record)],
  ] as const;
  for (const [name, bytes] of files) {
    const sentence = replaceFile(folder.at(`${state}/${name}`), bytes);
    if (sentence !== null) warn(`unable to ${sentence[0]} ${folder.name}/supervise/${name}.new${sentence[1]}`);
  }
}

/** Writes `path.new` and renames it, so that no reader sees half of it; what failed, and why, or null. */
function replaceFile(path: string, bytes: Buffer): readonly [doing: string, why: string] | null {
  const fresh = `${path}.new`;
  let doing = "open";
  try {
    const fd = openSync(fresh, "w", 0o644);
    try {
      doing = "write";
      if (writeSync(fd, bytes) < bytes.length) return [doing, ": partial write"];
    } finally {
      closeSync(fd);
    }
    doing = "rename";
    renameSync(fresh, path);
    return null;
  } catch (error) {
    return [doing, `: ${errorText(error)}`];
  }
}
