import { existsSync } from "node:fs";
import { join } from "node:path";
import { Desk } from "./directory/desk.ts";
import { HeldFolder } from "./directory/held-folder.ts";
import { signalsByCommand } from "./directory/signals.ts";
import type { ServiceState, StatusRecord, Wanted } from "./directory/status-record.ts";

/** What somebody at the desk may ask of a kept service. */
export type AtTheDesk = {
  /** Start it, unless it runs; not before its second is over. */
  readonly begin: () => void;
  readonly cancelBegin: () => void;
  readonly signal: (signal: NodeJS.Signals) => void;
  readonly warn: (sentence: string) => void;
};

/**
 * One of our own services at the desk of its service directory: svc, svstat and svok find it there as they find any other. What
 * stays different: no `./start`, `./stop`, `./notify`; `x` is followed by a new start, for a svscan would see to that.
 */
export class ServiceDesk {
  readonly #directory: string | null;
  readonly #ask: AtTheDesk;
  #desk: Desk | null = null;
  #folder: HeldFolder | null = null;
  #wanted: Wanted = "up";
  #state: ServiceState = "stopped";
  #pid = 0;
  #isReady = false;
  #paused = false;
  #exiting = false;
  #changedAt = Date.now();
  #starts = 0;
  #lastEnd: string | null = null;

  constructor(directory: string | null, ask: AtTheDesk) {
    this.#directory = directory;
    this.#ask = ask;
  }

  get wanted(): Wanted {
    return this.#wanted;
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  /** Throws DeskError if another supervises the directory, and what the system says if it is not there. */
  async open(): Promise<void> {
    const directory = this.#directory;
    if (directory === null) return;
    this.#wanted = this.#usually();
    const folder = new HeldFolder(directory, directory);
    const parts = {
      folder,
      state: "supervise",
      hear: (commands: string) => this.#hear(commands),
      warn: (sentence: string) => this.#ask.warn(sentence),
    };
    try {
      this.#desk = await Desk.open(parts, this.#record(), this.#facts());
      this.#folder = folder;
    } catch (error) {
      folder.close();
      throw error;
    }
  }

  close(): void {
    this.#desk?.close();
    this.#folder?.close();
    this.#desk = null;
    this.#folder = null;
  }

  started(pid: number): void {
    this.#pid = pid;
    this.#paused = false;
    this.#state = "starting";
    this.#starts++;
    this.#changed();
  }

  ready(): void {
    this.#isReady = true;
    this.#state = "running";
    this.#announce();
  }

  /** `reason` is for people. */
  ended(reason: string): void {
    this.#pid = 0;
    this.#isReady = false;
    this.#state = "stopped";
    this.#lastEnd = reason;
    this.#changed();
    this.#exitIfDown();
  }

  #hear(commands: string): void {
    for (const command of commands) this.#obey(command);
    this.#announce();
    this.#exitIfDown();
  }

  #obey(command: string): void {
    const signal = signalsByCommand.get(command);
    if (signal !== undefined) this.#ask.signal(signal);
    else if (command === "u" || command === "o") {
      this.#wanted = command === "u" ? "up" : "once";
      if (this.#pid === 0) this.#ask.begin();
    } else if (command === "d") {
      this.#wanted = "down";
      this.#paused = false;
      if (this.#pid !== 0) this.#state = "stopping";
      this.#ask.cancelBegin();
      this.#ask.signal("SIGTERM");
      this.#ask.signal("SIGCONT");
    } else if (command === "p" || command === "c") {
      this.#paused = command === "p";
      this.#ask.signal(command === "p" ? "SIGSTOP" : "SIGCONT");
    } else if (command === "x") this.#exiting = true;
  }

  /** As if svscan had found that its supervise is gone, and had started another. */
  #exitIfDown(): void {
    if (!this.#exiting || this.#pid !== 0) return;
    this.#exiting = false;
    this.#wanted = this.#usually();
    this.#announce();
    if (this.#wanted === "up") this.#ask.begin();
    else this.#ask.cancelBegin();
  }

  #usually(): Wanted {
    return this.#directory !== null && existsSync(join(this.#directory, "down")) ? "down" : "up";
  }

  #changed(): void {
    this.#changedAt = Date.now();
    this.#announce();
  }

  #announce(): void {
    this.#desk?.report(this.#record(), this.#facts());
  }

  #record(): StatusRecord {
    return {
      seconds: Math.floor(this.#changedAt / 1000),
      nanoseconds: (this.#changedAt % 1000) * 1_000_000,
      pid: this.#pid,
      paused: this.#paused,
      wanted: this.#wanted,
      state: this.#state,
    };
  }

  #facts() {
    return { ready: this.#isReady, starts: this.#starts, lastEnd: this.#lastEnd, life: null };
  }
}
