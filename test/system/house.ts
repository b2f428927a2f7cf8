/**
 * A whole Quail for a test: the real start command as a child, on a fresh home in the temporary folder and on free ports. The
 * test lays control files before the start, reads Maildirs and log lines, sends signals, stops and starts again.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { treePids } from "../../bench/tools/process-tree.ts";
import { freePort } from "../../bench/tools/processes.ts";
import { type KeptCode, keptCode } from "./kept-code.ts";

/** The checkout these tests stand in. */
export const checkout = join(import.meta.dirname, "..", "..");
/** The multi-call executable. */
export const quailCommand = join(checkout, "bin", "quail");
/** The mailbox of every fresh home. */
export const inbox = "you@localhost";

const readyLimitMs = 60_000;
const stopLimitMs = 30_000;
const defaultWaitMs = 30_000;

/** Ports of a running Quail on 127.0.0.1. */
export type Ports = {
  readonly smtp: number;
  readonly submission: number;
  /** Null: that listener is off, for most tests do without. */
  readonly pop3: number | null;
  /** TLS from the first octet on; null: off. */
  readonly smtps: number | null;
  readonly pop3s: number | null;
};

export type HouseOptions = {
  /** Control files laid before the first start, by name. */
  readonly control?: Readonly<Record<string, string>>;
  /** The POP3 listener is wanted too. */
  readonly pop3?: true;
  /** The listeners for TLS are wanted too. */
  readonly tls?: true;
  /** Further words for the start command. */
  readonly words?: readonly string[];
  /** Words put in front of the start command (strace, setpriv). */
  readonly wrapper?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where the home is made; default: a folder of its own in the temporary folder. */
  readonly folder?: string;
  /** Compiles all code of the services itself, as a first start does. */
  readonly compiles?: true;
};

/** Polls until the answer is neither null nor false; throws a sentence naming what was awaited when time is up. */
export async function until<T>(
  what: string,
  look: () => T | null | false | Promise<T | null | false>,
  withinMs = defaultWaitMs,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (let pauseMs = 5; ; pauseMs = Math.min(100, pauseMs * 1.5)) {
    const found = await look();
    if (found !== null && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${withinMs / 1000} s`);
    await sleep(pauseMs);
  }
}

/** True if a command of this name is in the path (a Debian package that a test needs). */
export function hasCommand(name: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** True if our uid has an account; s-nail refuses to work for one without. */
function hasAccount(): boolean {
  try {
    return userInfo().username !== "";
  } catch {
    return false; // ENOENT: no such account.
  }
}

/** For `test(..., { skip })`: false when all are there, else the reason that is printed. */
export function needs(...commands: readonly string[]): string | false {
  const missing = commands.filter((name) => !hasCommand(name));
  if (missing.length > 0) return `not installed: ${missing.join(", ")}`;
  return commands.includes("s-nail") && !hasAccount()
    ? "s-nail wants an account for this uid, and there is none"
    : false;
}

/** The whole content of each file in a Maildir's `new`, by file name; empty while the folder does not exist. */
export function readNew(maildir: string): ReadonlyMap<string, Buffer> {
  const folder = join(maildir, "new");
  let names: readonly string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Map();
    throw error;
  }
  return new Map(names.map((name) => [name, readFileSync(join(folder, name))]));
}

/** A Quail of one test; `await using` stops it and removes its folder. */
export class House implements AsyncDisposable {
  readonly home: string;
  readonly ports: Ports;
  readonly #folder: string;
  readonly #options: HouseOptions;
  #child: (ChildProcess & { readonly pid: number }) | null = null;

  private constructor(folder: string, ports: Ports, options: HouseOptions) {
    this.#folder = folder;
    this.home = join(folder, "home");
    this.ports = ports;
    this.#options = options;
  }

  /** Lays a home with the given control files and starts Quail on it; resolves when it is ready. */
  static async open(options: HouseOptions = {}): Promise<House> {
    const house = await House.lay(options);
    try {
      await house.start();
    } catch (error) {
      await house[Symbol.asyncDispose]();
      throw error;
    }
    return house;
  }

  /** The same without the start: for tests that look at the home first. */
  static async lay(options: HouseOptions = {}): Promise<House> {
    const folder = await mkdtemp(join(options.folder ?? tmpdir(), "quail-house-"));
    await chmod(folder, 0o755); // Services may run under another uid than ours.
    const pop3 = options.pop3 ? await freePort() : null;
    const secure = async (): Promise<number | null> => (options.tls ? freePort() : null);
    const ports = {
      smtp: await freePort(),
      submission: await freePort(),
      pop3,
      smtps: await secure(),
      pop3s: await secure(),
    };
    const house = new House(folder, ports, options);
    for (const [name, text] of Object.entries(options.control ?? {})) house.control(name, text);
    return house;
  }

  /** The start command's process: the supervisor, root of the tree of services. */
  get pid(): number {
    if (this.#child === null) throw new Error("Quail is not running");
    return this.#child.pid;
  }

  /** Writes a control file; running services see it as each of them documents (HUP, next connection). */
  control(name: string, text: string): void {
    mkdirSync(join(this.home, "control"), { recursive: true });
    writeFileSync(join(this.home, "control", name), text);
  }

  /** A path in the home. */
  path(...names: readonly string[]): string {
    return join(this.home, ...names);
  }

  /** The words that start this Quail. */
  get startWords(): readonly string[] {
    const { smtp, submission, pop3, smtps, pop3s } = this.ports;
    const ports = [
      `smtp=${smtp}`,
      `submission=${submission}`,
      `pop3=${pop3 ?? "off"}`,
      `smtps=${smtps ?? "off"}`,
      `pop3s=${pop3s ?? "off"}`,
      "metrics=off",
    ].flatMap((port) => ["--port", port]);
    return [
      ...(this.#options.wrapper ?? []),
      quailCommand,
      "start",
      "--home",
      this.home,
      ...ports,
      "--quiet",
      ...(this.#options.words ?? []),
    ];
  }

  /** Everything the start command has printed so far, over all starts. */
  get output(): string {
    try {
      return readFileSync(this.#outputFile, "latin1");
    } catch {
      return ""; // Nothing was started yet.
    }
  }

  get #outputFile(): string {
    return join(this.#folder, "output");
  }

  /** Starts (again) on the same home; resolves when it says it is ready, throws with its output when it does not. */
  async start(): Promise<void> {
    if (this.#child !== null) throw new Error("Quail runs already");
    const [command = quailCommand, ...args] = this.startWords;
    const from = this.output.length;
    const output = openSync(this.#outputFile, "a");
    const code = this.#code();
    const child = spawn(command, args, {
      cwd: this.#folder,
      env: { ...process.env, ...this.#options.env },
      stdio: ["ignore", output, output],
    });
    closeSync(output);
    if (child.pid === undefined) throw new Error(`unable to start ${command}`);
    this.#child = Object.assign(child, { pid: child.pid });
    await until(
      "quail: ready",
      () => {
        if (child.exitCode !== null || child.signalCode !== null) {
          throw new Error(`the start ended (${child.exitCode ?? child.signalCode}):\n${this.output.slice(from)}`);
        }
        return /^quail: ready$/m.test(this.output.slice(from));
      },
      readyLimitMs,
    ).catch((error: unknown) => {
      throw new Error(`${error instanceof Error ? error.message : error}\n${this.output.slice(from)}`);
    });
    code?.take(this.home);
  }

  /** Gives a home that has none the compiled code of earlier houses; what is to be kept of it once it runs. */
  #code(): KeptCode | null {
    const { compiles, control = {}, words = [], wrapper = [] } = this.#options;
    // Where each role is a user of its own, each owns its code.
    if (compiles || control.roleaccounts !== undefined || existsSync(this.path("run", "cache"))) return null;
    const services = words.filter((_, at) => words[at - 1] === "--port").map((word) => word.replace(/=[0-9]+$/, ""));
    const code = keptCode([String(this.#options.pop3), wrapper[0] ?? "", ...services]);
    code.give(this.home);
    return code;
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  /** SIGTERM; resolves with the exit code when the whole tree is gone. */
  async stop(): Promise<number | null> {
    return this.#end("SIGTERM");
  }

  /** kill -9 of the supervisor and every service at once, as a power cut would look to the processes. */
  async kill(): Promise<void> {
    const pids = this.#processes();
    for (const pid of pids) sendSignal(pid, "SIGSTOP"); // Nobody may see another's death and act on it.
    for (const pid of pids) sendSignal(pid, "SIGKILL");
    await this.#end("SIGKILL");
  }

  /** The supervisor's tree, and workers whose parent was killed under them. */
  #processes(): readonly number[] {
    return [...new Set([...treePids(this.pid), ...processesIn(this.home)])];
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === null) return null;
    const pids = this.#processes();
    sendSignal(child.pid, signal);
    try {
      await until("Quail ends", () => child.exitCode !== null || child.signalCode !== null, stopLimitMs);
      await until("all its services end", () => !pids.some(isRunning), stopLimitMs);
    } catch (error) {
      for (const pid of pids) sendSignal(pid, "SIGKILL");
      this.#child = null;
      throw new Error(`${error instanceof Error ? error.message : error}\n${this.story()}`);
    }
    this.#child = null;
    return child.exitCode;
  }

  /** A service's log as it stands in the home, oldest line first, stamps left out. The scheduler's is `queue`. */
  logLines(service = "queue"): readonly string[] {
    return this.log(service)
      .split("\n")
      .map((line) => line.replace(/^@[0-9a-f]{24} /, ""));
  }

  /** The same with stamps, as text. */
  log(service = "queue"): string {
    const folder = this.path("log", service);
    try {
      const names = readdirSync(folder);
      const files = [
        ...names.filter((name) => name.startsWith("@")).toSorted(),
        ...names.filter((name) => name === "current"),
      ];
      return files.map((name) => readFileSync(join(folder, name), "latin1")).join("");
    } catch {
      return ""; // No line was written yet, or the file was rotated away while we looked: the next look finds it.
    }
  }

  /** What an error report needs: the end of the scheduler's log and of what the start command printed. */
  story(): string {
    return `${this.log().slice(-5000)}\n${this.output.slice(-2000)}`;
  }

  /** Waits for a log line that matches; resolves with the match. `from`: only lines after that many. */
  logged(pattern: RegExp, withinMs = defaultWaitMs, from = 0): Promise<RegExpExecArray> {
    return until(
      `a log line ${pattern}`,
      () => {
        for (const line of this.logLines().slice(from)) {
          const found = pattern.exec(line);
          if (found !== null) return found;
        }
        return null;
      },
      withinMs,
    ).catch((error: unknown) => {
      throw new Error(`${error instanceof Error ? error.message : error}\n${this.story()}`);
    });
  }

  /** The test account's Maildir. */
  get maildir(): string {
    return this.path("home", "you", "Maildir");
  }

  /** Messages in a Maildir's `new` as text, once there are `count`; throws with the log when they do not come. */
  async mail(count: number, maildir: string = this.maildir, withinMs = defaultWaitMs): Promise<readonly string[]> {
    return until(
      `${count} messages in ${maildir}`,
      () => {
        const found = [...readNew(maildir).values()].map((bytes) => bytes.toString("latin1"));
        return found.length >= count ? found : null;
      },
      withinMs,
    ).catch((error: unknown) => {
      throw new Error(`${error instanceof Error ? error.message : error}\n${this.story()}`);
    });
  }

  /** Runs one of Quail's programs against this home and waits for it; throws with its stderr when the exit code is not 0. */
  run(words: readonly string[], input: string | Buffer = "", env: Readonly<Record<string, string>> = {}): string {
    return execFileSync(quailCommand, [...words], {
      input: typeof input === "string" ? Buffer.from(input, "latin1") : input,
      env: { ...process.env, QUAIL_HOME: this.home, ...env },
      encoding: "latin1",
      maxBuffer: 1 << 28,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#child !== null) await this.stop();
    } finally {
      await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }
}

/** Every process that works in this folder, whoever its parent is: each of Quail's has its home as working directory. */
export function processesIn(folder: string): readonly number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^[0-9]+$/.test(name)) return [];
    try {
      return readlinkSync(`/proc/${name}/cwd`) === folder ? [Number(name)] : [];
    } catch {
      return []; // Gone, or somebody else's.
    }
  });
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself, which is all a signal could bring about.
  }
}

/** Alive; a process that only waits for its parent to take note of its end is not. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3) !== "Z";
  } catch {
    return false;
  }
}
