import { mkdirSync, statSync } from "node:fs";
import { errorCode, errorText } from "#files";
import { DeskError } from "../directory/desk.ts";
import { openPipe, type PipeEnds } from "../directory/fifo.ts";
import { HeldFolder } from "../directory/held-folder.ts";
import { stateFolder } from "../directory/state-folder.ts";
import { Keeper } from "./keeper.ts";

/** The longest name of a service that may have a log: the original's room for it. */
const maxNameBytesWithLog = 255;

/** What all services below one svscan get from it. */
export type SlotParts = {
  readonly env: NodeJS.ProcessEnv;
  /** Descriptors of ours that a service gets as 0, 1 and 2, unless its log is in between. */
  readonly stdin: number | "ignore";
  readonly stdout: number;
  readonly stderr: number;
  /** A line for people, without LF. */
  readonly say: (line: string) => void;
};

/** A directory with a `run`, in the care of a keeper; null while none is there. */
class Place {
  readonly #parts: SlotParts;
  #keeper: Keeper | null = null;
  #folder: HeldFolder | null = null;

  constructor(parts: SlotParts) {
    this.#parts = parts;
  }

  get keeper(): Keeper | null {
    return this.#keeper;
  }

  /** Puts a keeper there if none is. What cannot be is said, and tried again by whoever calls again. */
  async fill(name: string, path: string, fds: readonly (number | "ignore")[]): Promise<void> {
    if (this.#keeper !== null) return;
    const { env, say } = this.#parts;
    try {
      this.#folder = new HeldFolder(name, path);
    } catch (error) {
      say(`supervise: fatal: unable to chdir to ${name}: ${errorText(error)}`);
      return;
    }
    try {
      const keeper = await Keeper.open({ folder: this.#folder, state: stateFolder(env, path), env, fds, say });
      this.#keeper = keeper;
      void keeper.ended.then(() => this.#empty());
    } catch (error) {
      this.#empty();
      say(`supervise: fatal: ${error instanceof DeskError ? error.message : errorText(error)}`);
    }
  }

  #empty(): void {
    this.#keeper = null;
    this.#folder?.close();
    this.#folder = null;
  }
}

/**
 * One service below svscan, and its log if it has one, with a pipe between them that stays for the life of the slot: neither side
 * loses a line when the other is started again (spec 4).
 */
export class Slot {
  readonly identity: string;
  #name: string;
  readonly #parts: SlotParts;
  readonly #main: Place;
  readonly #log: Place | null;
  readonly #pipe: PipeEnds | null;

  private constructor(parts: SlotParts, name: string, identity: string, pipe: PipeEnds | null) {
    this.identity = identity;
    this.#name = name;
    this.#parts = parts;
    this.#pipe = pipe;
    this.#main = new Place(parts);
    this.#log = pipe === null ? null : new Place(parts);
  }

  /** As it was called when it was last seen. */
  get name(): string {
    return this.#name;
  }

  /** A slot for the directory `path`; null if its log's pipe cannot be made (that is said). */
  static make(parts: SlotParts, name: string, path: string, identity: string): Slot | null {
    try {
      return new Slot(parts, name, identity, hasLog(parts, name, path) ? logPipe(parts.env, path) : null);
    } catch (error) {
      parts.say(`svscan: warning: unable to create pipe for ${name}: ${errorText(error)}`);
      return null;
    }
  }

  /** Process numbers, 0 for none: of the service, and of its log. */
  get pids(): readonly number[] {
    return [this.#main, this.#log].flatMap((place) => (place === null ? [] : [place.keeper?.pid ?? 0]));
  }

  get isEmpty(): boolean {
    return this.#main.keeper === null && (this.#log?.keeper ?? null) === null;
  }

  /** Sees that the service and its log have their keepers; the directory is called `name` now. */
  async fill(name: string, path: string): Promise<void> {
    const { stdin, stdout, stderr } = this.#parts;
    this.#name = name;
    await this.#main.fill(name, path, [stdin, this.#pipe?.writeFd ?? stdout, stderr]);
    if (this.#pipe !== null) await this.#log?.fill(`${name}/log`, `${path}/log`, [this.#pipe.readFd, stdout, stderr]);
  }

  /** Ends the service, then its log, and their keepers. */
  async stop(): Promise<void> {
    await endKeeper(this.#main.keeper);
    await endKeeper(this.#log?.keeper ?? null);
  }

  /** To all that still runs here. */
  command(bytes: string): void {
    this.#main.keeper?.hear(bytes);
    this.#log?.keeper?.hear(bytes);
  }

  /** Lets everything go on without us. */
  abandon(): void {
    this.#main.keeper?.abandon();
    this.#log?.keeper?.abandon();
  }

  /** Gives the pipe up. Only when empty. */
  close(closeFd: (fd: number) => void): void {
    if (this.#pipe === null) return;
    closeFd(this.#pipe.readFd);
    closeFd(this.#pipe.writeFd);
  }
}

async function endKeeper(keeper: Keeper | null): Promise<void> {
  if (keeper === null) return;
  keeper.hear("dx");
  await keeper.ended;
}

function hasLog({ say }: SlotParts, name: string, path: string): boolean {
  if (Buffer.byteLength(name) > maxNameBytesWithLog) return false;
  try {
    return statSync(`${path}/log`).isDirectory();
  } catch (error) {
    if (errorCode(error) !== "ENOENT") say(`svscan: warning: unable to stat ${name}/log: ${errorText(error)}`);
    return false;
  }
}

/** The pipe has a name in the log's state folder: a svscan that comes after one that was killed opens the same. */
function logPipe(env: NodeJS.ProcessEnv, path: string): PipeEnds {
  const state = stateFolder(env, `${path}/log`);
  const folder = state.startsWith("/") ? state : `${path}/log/${state}`;
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
  return openPipe(`${folder}/pipe`);
}
