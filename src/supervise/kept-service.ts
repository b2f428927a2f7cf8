import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { tai64nOf } from "#log";
import type { ServiceSpec } from "./service-spec.ts";
import { wholeLines } from "./whole-lines.ts";

/** A service that dies sooner than this after its start waits out the rest before the next one (as supervise does). */
const shortestLifeMs = 1_000;

/** What a kept service tells the house. Lines are whole, stamped, with their LF. */
export type ServiceEvents = {
  readonly lines: (lines: Buffer) => void;
  readonly ready: () => void;
  /** It ended although nobody asked. `reason` is for people: `exit code 111`, `signal SIGKILL`. */
  readonly died: (reason: string) => void;
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
  #startedAt = 0;
  #ready = false;
  #stopping = false;
  #again: NodeJS.Timeout | null = null;

  constructor(spec: ServiceSpec, events: ServiceEvents) {
    this.spec = spec;
    this.#events = events;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  get isReady(): boolean {
    return this.#ready;
  }

  start(): void {
    const { command, cwd, env, user, listenFd, heldFds = [] } = this.spec;
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
  }

  /** Sends a signal to a service that is at work; one that is still starting would die of it. */
  signal(signal: NodeJS.Signals): void {
    if (this.#ready) this.#child?.kill(signal);
  }

  /** SIGTERM, and SIGKILL if that is not heeded in time. Resolves when the process has gone. */
  async stop(withinMs: number = this.spec.stopWithinMs): Promise<void> {
    this.#stopping = true;
    if (this.#again !== null) clearTimeout(this.#again);
    this.#child?.kill("SIGTERM");
    const timer = setTimeout(() => this.kill(), withinMs);
    await this.#gone;
    clearTimeout(timer);
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
    ready?.once("data", () => {
      this.#ready = true;
      this.#events.ready();
    });
    this.#gone = new Promise((gone) => {
      let ended = false;
      const end = (reason: string): void => {
        if (ended) return;
        ended = true;
        this.#child = null;
        this.#ready = false;
        parent?.destroy();
        gone();
        if (!this.#stopping) this.#died(reason);
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

  #died(reason: string): void {
    const lived = performance.now() - this.#startedAt;
    this.#again = setTimeout(() => this.start(), Math.max(0, shortestLifeMs - lived));
    this.#events.died(reason);
  }
}
