import type { ByteString } from "#bytes";
import { fineClock, type Moment, tai64nLabel, unixLabel } from "./clock.ts";
import type { Script, Step } from "./script.ts";

const lf = 0x0a;
/** Only so much of a line, its stamp included, is looked at. */
const headBytes = 1_000;
/** What `e` shows of a line. */
const shownBytes = 200;

/** Where lines go. `status`: the first 1000 bytes of the last selected line. */
export type Outlets = {
  readonly folder: (index: number, bytes: Buffer) => Promise<void>;
  readonly stderr: (bytes: Buffer) => void;
  readonly status: (file: string, line: ByteString) => Promise<void>;
};

/** The rest of a line that is longer than what is looked at: where its beginning went. */
type LongLine = { readonly folders: readonly number[] };

/** What came of a chunk, before it is handed on. */
type Harvest = { readonly pieces: Buffer[][]; shown: ByteString; readonly status: Map<string, ByteString> };

/**
 * Carries out a script over chunks of input. Lines that every folder gets are handed on in one piece; only patterns, `e` and `=` look
 * at each. What is no whole line yet waits in memory, up to 1000 bytes of it.
 */
export class LineWork {
  readonly #steps: readonly Step[];
  readonly #folders: number;
  readonly #stampOf: ((moment: Moment) => string) | null;
  readonly #looksAtLines: boolean;
  readonly #outlets: Outlets;
  readonly #now: () => Moment;
  #carry: Buffer = Buffer.alloc(0);
  /** The stamp of the line whose beginning waits: when its first byte came. */
  #carryStamp = "";
  #long: LongLine | null = null;

  constructor(script: Script, outlets: Outlets, now: () => Moment = fineClock()) {
    const label = { none: null, tai64n: tai64nLabel, unix: unixLabel }[script.stamp];
    this.#stampOf = label === null ? null : (moment) => `${label(moment)} `;
    this.#steps = script.steps;
    this.#folders = script.folders.length;
    this.#looksAtLines = script.steps.some(({ kind }) => kind !== "folder");
    this.#outlets = outlets;
    this.#now = now;
  }

  /** True while the beginning of a line has come and its end has not. */
  get isWithinLine(): boolean {
    return this.#long !== null || this.#carry.length > 0;
  }

  /** Takes what was read; comes back when all that is decided is written. */
  async take(chunk: Buffer): Promise<void> {
    if (this.#steps.length === 0 || chunk.length === 0) return;
    const stamp = this.#stampOf === null ? "" : this.#stampOf(this.#now());
    const harvest: Harvest = {
      pieces: Array.from({ length: this.#folders }, () => []),
      shown: "",
      status: new Map(),
    };
    const bytes = this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk]);
    const firstStamp = this.#carry.length === 0 ? stamp : this.#carryStamp;
    const begin = this.#endLongLine(bytes, harvest);
    const rest = this.#looksAtLines
      ? this.#lines(bytes, begin, firstStamp, stamp, harvest)
      : this.#block(bytes, begin, firstStamp, stamp, harvest);
    this.#keepRest(bytes, rest, rest === begin ? firstStamp : stamp, harvest);
    await this.#give(harvest);
  }

  /** The input has ended: a last line without an end gets one. */
  async end(): Promise<void> {
    if (this.isWithinLine) await this.take(Buffer.of(lf));
  }

  /** Passes on what is left of a long line; where the next line begins. */
  #endLongLine(bytes: Buffer, { pieces }: Harvest): number {
    if (this.#long === null) return 0;
    const end = bytes.indexOf(lf) + 1;
    const part = end === 0 ? bytes : bytes.subarray(0, end);
    for (const folder of this.#long.folders) pieces[folder]!.push(part);
    if (end === 0) return bytes.length;
    this.#long = null;
    return end;
  }

  /** Whole lines for every folder; where the first line that is not whole begins. */
  #block(bytes: Buffer, begin: number, firstStamp: string, stamp: string, { pieces }: Harvest): number {
    const end = bytes.lastIndexOf(lf) + 1;
    if (end <= begin) return begin;
    let block = bytes.subarray(begin, end);
    if (stamp !== "") {
      const lines = block.toString("latin1", 0, block.length - 1).replaceAll("\n", `\n${stamp}`);
      block = Buffer.from(`${firstStamp}${lines}\n`, "latin1");
    }
    for (const folder of pieces) folder.push(block);
    return end;
  }

  /** The same, line by line. */
  #lines(bytes: Buffer, begin: number, firstStamp: string, stamp: string, harvest: Harvest): number {
    const runs = Array.from({ length: this.#folders }, () => ({ from: -1, to: -1 }));
    let at = begin;
    let lineStamp = firstStamp;
    const label = { text: "", bytes: Buffer.alloc(0) };
    for (let end = bytes.indexOf(lf, at); end >= 0; end = bytes.indexOf(lf, at)) {
      if (lineStamp !== label.text) Object.assign(label, { text: lineStamp, bytes: Buffer.from(lineStamp, "latin1") });
      const head = lineStamp + bytes.toString("latin1", at, Math.min(end, at + headBytes - lineStamp.length));
      for (const folder of this.#decide(head, end - at + lineStamp.length > headBytes, harvest)) {
        const run = runs[folder]!;
        if (run.to === at && lineStamp === "") run.to = end + 1;
        else {
          const into = harvest.pieces[folder]!;
          if (run.from >= 0) into.push(bytes.subarray(run.from, run.to));
          if (lineStamp !== "") into.push(label.bytes);
          run.from = at;
          run.to = end + 1;
        }
      }
      at = end + 1;
      lineStamp = stamp;
    }
    for (const [folder, { from, to }] of runs.entries()) {
      if (from >= 0) harvest.pieces[folder]!.push(bytes.subarray(from, to));
    }
    return at;
  }

  /** Runs the script on the beginning of a line: the folders that the line goes to. `isCut`: there is more of the line. */
  #decide(head: ByteString, isCut: boolean, harvest: Harvest): readonly number[] {
    const folders: number[] = [];
    let selected = true;
    for (const step of this.#steps) {
      if (step.kind === "select") {
        if (selected !== step.selects && step.fits(head)) selected = step.selects;
      } else if (selected) {
        if (step.kind === "folder") folders.push(step.folder);
        else if (step.kind === "status") harvest.status.set(step.file, head);
        else harvest.shown += shown(head, isCut);
      }
    }
    return folders;
  }

  /** Keeps the beginning of a line for the next chunk, or decides on it if it is long enough already. */
  #keepRest(bytes: Buffer, from: number, stamp: string, harvest: Harvest): void {
    const rest = bytes.subarray(from);
    if (rest.length + stamp.length < headBytes) {
      // A copy: a few octets must not hold the whole chunk in memory.
      this.#carry = Buffer.from(rest);
      this.#carryStamp = stamp;
      return;
    }
    this.#carry = Buffer.alloc(0);
    const folders = this.#decide(stamp + rest.toString("latin1", 0, headBytes - stamp.length), true, harvest);
    for (const folder of folders) harvest.pieces[folder]!.push(Buffer.from(stamp, "latin1"), rest);
    this.#long = { folders };
  }

  async #give({ pieces, shown, status }: Harvest): Promise<void> {
    if (shown !== "") this.#outlets.stderr(Buffer.from(shown, "latin1"));
    for (const [file, line] of status) await this.#outlets.status(file, line);
    for (const [folder, parts] of pieces.entries()) {
      if (parts.length === 0) continue;
      await this.#outlets.folder(folder, parts.length === 1 ? parts[0]! : Buffer.concat(parts));
    }
  }
}

/** A line as `e` shows it. */
function shown(head: ByteString, isCut: boolean): ByteString {
  const isLong = isCut || head.length > shownBytes;
  return isLong ? `${head.slice(0, shownBytes)}...\n` : `${head}\n`;
}

/** What `=FILE` holds: the line, filled up with line ends. */
export function statusBytes(line: ByteString): Buffer {
  return Buffer.from(line.padEnd(headBytes + 1, "\n"), "latin1");
}
