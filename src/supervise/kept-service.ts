import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { tai64nOf } from "#log";
import { ServiceDesk } from "./service-desk.ts";
import type { ServiceSpec } from "./service-spec.ts";
import { wholeLines } from "./whole-lines.ts";

/** A service that dies sooner than this after its start waits out the rest before the next one (as supervise does). */
const shortestLifeMs = 1_000;

/** What a kept service tells the house. Lines are whole, stamped, with their LF. */
export type ServiceEvents = {
  readonly lines: (lines: Buffer) => void;
  readonly ready: () => void;
  /** It ended although it is wanted. `reason` is for people: `exit code 111`, `signal SIGKILL`. */
  readonly died: (reason: string) => void;
  /** It ended, and whoever has the right said (svc -d, svc -o) that it shall not be started again. */
  readonly rests: (reason: string) => void;
  /** Something that people should hear of its service directory. */
  readonly warn: (sentence: string) => void;
};

/** Why a start failed, told through `died`: the program could not be started at all. */
function endReason(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `exit code ${code}` : `signal ${signal}`;
}

/** Gives each line of a stream that is not stamped yet a stamp (a crash's last words on stderr). */
function stamped(lines: Buffer): Buffer {
  const stamp = tai64nOf(new Date());
  return Buffer.from(lines.toString("latin1").replace(/^(?=.)/gm, `${stamp} `), "latin1");
}

/**
 * A service that is started again whenever it ends, until `stop`. The child is the leader of a session of its own (a
 * terminal's Ctrl-C goes to the supervisor alone), holds the read end of a pipe whose other end dies with us (`parent-fd`),
 * and says `ready` on a second one (`ready-fd`).
 */
export class KeptService {
  readonly spec: ServiceSpec;
  readonly #events: ServiceEvents;
  #child: ChildProcess | null = null;
  #gone: Promise<void> = Promise.resolve();
  #startedAt = Number.NEGATIVE_INFINITY;
  #ready = false;
  #stopping = false;
  #again: NodeJS.Timeout | null = null;
  readonly #desk: ServiceDesk;

  constructor(spec: ServiceSpec, events: ServiceEvents) {
    this.spec = spec;
    this.#events = events;
    this.#desk = new ServiceDesk(spec.directory ?? null, {
      begin: () => this.#beginWhenDue(),
      cancelBegin: () => this.#cancelAgain(),
      signal: (signal) => this.#pass(signal),
      warn: (sentence) => events.warn(`${spec.name}: ${sentence}`),
    });
  }

  /** Sits down at the desk in its service directory, if it has one; throws when another supervises that. Before `start`. */
  async sitDown(): Promise<void> {
    await this.#desk.open();
    if (this.#stopping) this.#desk.close();
  }

  /** False if its service directory says that it shall be down. */
  get isWanted(): boolean {
    return this.#desk.wanted === "up";
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  get isReady(): boolean {
    return this.#ready;
  }

  start(): void {
    if (this.#stopping) return;
    const { env, user, listenFd, heldFds = [] } = this.spec;
    const instead = this.spec.instead?.() ?? null;
    const { command, cwd } = instead ?? this.spec;
    const [file, ...args] = command;
    const extra = ["ready-fd=3", "parent-fd=4", ...(listenFd === undefined ? [] : ["listen-fd=5"])];
    this.#startedAt = performance.now();
    const child = spawn(file, [...args, ...extra], {
      cwd,
      env,
      detached: true,
      ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
      stdio: ["ignore", "pipe", "pipe", "pipe", "pipe", listenFd ?? "ignore", ...heldFds],
    });
    this.#child = child;
    this.#listen(child);
    this.#desk.started(child.pid ?? 0);
    if (instead?.saysReady === false) setImmediate(() => this.#isReadyNow(child));
  }

  /** Sends a signal to a service that is at work; one that is still starting would die of it. */
  signal(signal: NodeJS.Signals): void {
    if (this.#ready) this.#child?.kill(signal);
  }

  /** SIGTERM, and SIGKILL if that is not heeded in time. Resolves when the process has gone. */
  async stop(withinMs: number = this.spec.stopWithinMs): Promise<void> {
    this.#stopping = true;
    this.#cancelAgain();
    this.#child?.kill("SIGTERM");
    if (this.#desk.isPaused) this.#child?.kill("SIGCONT");
    const timer = setTimeout(() => this.kill(), withinMs);
    await this.#gone;
    clearTimeout(timer);
    this.#desk.close();
  }

  /** SIGKILL, now. */
  kill(): void {
    this.#child?.kill("SIGKILL");
  }

  #listen(child: ChildProcess): void {
    const [, stdout, stderr, ready, parent] = child.stdio as readonly (Readable | null)[];
    // Ends of pipes of a child that has gone give errors; its `exit` says all there is to say.
    for (const stream of [stdout, stderr, ready, parent]) stream?.on("error", () => {});
    const out = wholeLines(this.#events.lines);
    const err = wholeLines((lines) => this.#events.lines(stamped(lines)));
    stdout?.on("data", out.take);
    stderr?.on("data", err.take);
    ready?.once("data", () => this.#isReadyNow(child));
    this.#gone = new Promise((gone) => {
      let ended = false;
      const end = (reason: string): void => {
        if (ended) return;
        ended = true;
        this.#child = null;
        this.#ready = false;
        parent?.destroy();
        gone();
        this.#desk.ended(reason);
        if (!this.#stopping) this.#afterEnd(reason);
      };
      child.once("error", (error) => end(`it cannot be started: ${error.message}`));
      child.once("exit", (code, signal) => {
        // Its last lines may still be in the pipe; a grandchild that keeps the pipe open must not keep us waiting.
        const timer = setTimeout(() => end(endReason(code, signal)), 500);
        child.once("close", () => {
          clearTimeout(timer);
          out.end();
          err.end();
          end(endReason(code, signal));
        });
      });
    });
  }

  #isReadyNow(child: ChildProcess): void {
    if (this.#child !== child || this.#ready) return;
    this.#ready = true;
    this.#desk.ready();
    this.#events.ready();
  }

  /** A signal that somebody sends with svc. Those that only a service at work understands wait for nobody: they are dropped. */
  #pass(signal: NodeJS.Signals): void {
    const wantsReady = signal === "SIGHUP" || signal === "SIGALRM";
    if (!wantsReady || this.#ready) this.#child?.kill(signal);
  }

  #cancelAgain(): void {
    if (this.#again !== null) clearTimeout(this.#again);
    this.#again = null;
  }

  #beginWhenDue(): void {
    if (this.#stopping || this.#child !== null || this.#again !== null) return;
    const lived = performance.now() - this.#startedAt;
    this.#again = setTimeout(
      () => {
        this.#again = null;
        this.start();
      },
      Math.max(0, shortestLifeMs - lived),
    );
  }

  #afterEnd(reason: string): void {
    if (this.isWanted) {
      this.#beginWhenDue();
      this.#events.died(reason);
    } else this.#events.rests(reason);
  }
}
