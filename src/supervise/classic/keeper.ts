import { readFileSync, type Stats, statSync } from "node:fs";
import { errorText } from "#files";
import { Desk } from "../directory/desk.ts";
import type { HeldFolder } from "../directory/held-folder.ts";
import { signalsByCommand } from "../directory/signals.ts";
import type { ServiceState, StatusRecord, Wanted } from "../directory/status-record.ts";
import { lifeOf } from "../process-life.ts";
import { type ScriptEnd, startScript } from "./script.ts";
import { findSurvivor, type Survivor } from "./survivor.ts";

/** A service is never started more often than once in this time (supervise's own second). */
const betweenStartsMs = 1_000;
/** No room for another process: as long as the original waits. */
const noRoomMs = 60_000;
/** How often is looked whether a process that is not our child is still there. */
const survivorLookMs = 500;
/** A script's word that its service shall not be started again (daemontools-encore). */
const giveUpCode = 100;

/** What a keeper is given. */
export type KeeperParts = {
  readonly folder: HeldFolder;
  /** The state folder: `supervise`, or an absolute path. */
  readonly state: string;
  readonly env: NodeJS.ProcessEnv;
  /** Descriptors of ours that the scripts get as 0, 1, 2 and on. */
  readonly fds: readonly (number | "ignore")[];
  /** A line for people, as supervise words it, without LF. */
  readonly say: (line: string) => void;
};

type ScriptName = "start" | "run" | "stop";
/** `life`: of a process that is not our child, which somebody else could become. */
type Child = { readonly pid: number; readonly life: string | null };

/**
 * One classic service, kept as supervise keeps it: `./run` in its directory is started again whenever it ends, at most once a
 * second, until it is told otherwise through `supervise/control` (spec 1, 2). `./start`, `./stop` and `./notify` as in
 * daemontools-encore. Who takes over from a supervise that was killed finds its service still at work, and waits for that one to end.
 */
export class Keeper {
  readonly #parts: KeeperParts;
  /** The status has the 20 bytes of daemontools-encore: there is something to tell in them. */
  readonly #tellsState: boolean;
  #desk: Desk | null = null;
  #child: Child | null = null;
  #wanted: Wanted;
  #state: ServiceState = "stopped";
  #paused = false;
  #exiting = false;
  /** The next start is the first since the service was wanted: `./start` comes before `./run`. */
  #afresh = true;
  #ranStop = false;
  #changedAt = Date.now();
  #startedAt = Number.NEGATIVE_INFINITY;
  #due: NodeJS.Timeout | null = null;
  #look: NodeJS.Timeout | null = null;
  #starts = 0;
  #isReady: boolean | null = null;
  #lastEnd: string | null = null;
  readonly #ended = Promise.withResolvers<void>();

  private constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#wanted = this.#has("down") ? "down" : "up";
    this.#tellsState = ["start", "stop", "notify", "notification-fd"].some((name) => this.#has(name));
  }

  /** Takes a directory into care; throws DeskError if another has it. Starts the service unless there is a file `down`. */
  static async open(parts: KeeperParts): Promise<Keeper> {
    const keeper = new Keeper(parts);
    const survivor = findSurvivor(parts.folder, parts.state);
    await keeper.#sitDown(survivor);
    return keeper;
  }

  /** Resolves when it has let its service go (`x`). */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Carries out control bytes that came together (spec 1.2). */
  hear(commands: string): void {
    let toGroup = false;
    let isMine = true;
    for (const command of commands) {
      if (command === "+" || command === "=") toGroup = command === "+";
      else if (command === "L" || command === "l") isMine = command === "l";
      else if (isMine) this.#obey(command, toGroup);
    }
    if (this.#exiting) this.#endIfDown();
  }

  /** Leaves the directory, and whatever runs in it, as it is. */
  abandon(): void {
    this.#cancelStart();
    if (this.#look !== null) clearInterval(this.#look);
    this.#desk?.close();
    this.#desk = null;
    this.#ended.resolve();
  }

  async #sitDown(survivor: Survivor | null): Promise<void> {
    const { folder, state, say } = this.#parts;
    if (survivor !== null) this.#takeOver(survivor);
    const warn = (sentence: string): void => say(`supervise: warning: ${sentence}`);
    const hear = (commands: string): void => this.hear(commands);
    this.#desk = await Desk.open({ folder, state, hear, warn }, this.#record(), this.#facts());
    if (survivor !== null) this.#watch(survivor);
    else if (this.#wanted === "up") this.#begin();
  }

  /** It stands in the status as it did. (Whether it is ours to care for the lock decides, before anything is written.) */
  #takeOver({ pid, life, record }: Survivor): void {
    this.#child = { pid, life };
    this.#changedAt = record.seconds * 1000 + Math.floor(record.nanoseconds / 1e6);
    this.#wanted = record.wanted;
    this.#paused = record.paused;
    this.#state = record.wanted === "down" ? "stopping" : "running";
    this.#afresh = false;
  }

  #obey(command: string, toGroup: boolean): void {
    const signal = signalsByCommand.get(command);
    if (signal !== undefined) this.#kill(signal, toGroup);
    switch (command) {
      case "d":
        this.#wanted = "down";
        this.#cancelStart();
        if (this.#child === null) this.#tryStop();
        else this.#stopChild(toGroup);
        break;
      case "u":
        this.#afresh ||= this.#wanted !== "up";
        this.#wanted = "up";
        if (this.#child === null) this.#begin();
        break;
      case "o":
        this.#wanted = "once";
        if (this.#child === null) this.#begin();
        break;
      case "p":
        this.#paused = true;
        this.#kill("SIGSTOP", toGroup);
        break;
      case "c":
        this.#paused = false;
        this.#kill("SIGCONT", toGroup);
        break;
      case "x":
        this.#exiting = true;
        break;
      default:
        return; // A byte that means nothing to us.
    }
    this.#announce();
  }

  #stopChild(toGroup: boolean): void {
    this.#paused = false;
    this.#state = "stopping";
    this.#ranStop = false;
    this.#kill("SIGTERM", toGroup);
    this.#kill("SIGCONT", toGroup);
  }

  #kill(signal: NodeJS.Signals, toGroup: boolean): void {
    const child = this.#child;
    if (child === null || (child.life !== null && lifeOf(child.pid) !== child.life)) return;
    try {
      process.kill(toGroup ? -child.pid : child.pid, signal);
    } catch {
      // It ended this moment, or leads no group; its end is noted where it is waited for.
    }
  }

  /** Starts the service, now or when the second since its last start is over. */
  #begin(): void {
    if (this.#due !== null || this.#exiting) return;
    const wait = this.#startedAt + betweenStartsMs - performance.now();
    if (wait > 0) this.#beginIn(wait);
    else this.#start();
  }

  #beginIn(ms: number): void {
    this.#due = setTimeout(() => {
      this.#due = null;
      this.#start();
    }, ms);
  }

  #cancelStart(): void {
    if (this.#due !== null) clearTimeout(this.#due);
    this.#due = null;
  }

  #start(): void {
    const hasStart = this.#isExecutable("start");
    if (!(this.#afresh && hasStart) && hasStart && !this.#has("run")) {
      this.#wanted = "once"; // A start without a run: it is done once and for all.
      this.#state = "started";
      this.#announce();
      return;
    }
    const script = this.#afresh && hasStart ? "start" : "run";
    this.#afresh = false;
    this.#run(script, script === "start" ? "starting" : "running");
  }

  /** After the service has ended and is not wanted: `./stop`, once. */
  #tryStop(): void {
    if (!this.#ranStop && this.#isExecutable("stop")) {
      this.#ranStop = true;
      this.#run("stop", "stopping");
    } else {
      this.#ranStop = true;
      this.#state = "stopped";
      this.#announce();
    }
  }

  #run(name: ScriptName, state: ServiceState): void {
    const { folder, env, fds } = this.#parts;
    const readyFd = name === "run" ? this.#notificationFd() : null;
    this.#startedAt = performance.now();
    this.#starts++;
    this.#paused = false;
    this.#isReady = readyFd === null ? null : false;
    this.#state = readyFd === null ? state : "starting";
    const session = !this.#has("no-setsid");
    const script = startScript({ words: [`./${name}`], cwd: folder.path, env, fds, session, readyFd });
    if (script.pid !== 0) {
      this.#child = { pid: script.pid, life: null };
      this.#changed(name, "start", 0, script.pid);
      script.go();
    }
    void script.ready.then(() => {
      if (this.#child?.pid !== script.pid || this.#state !== "starting") return;
      this.#isReady = true;
      this.#state = "running";
      this.#announce();
    });
    void script.ended.then((end) => this.#gone(name, script.pid, end));
  }

  #gone(script: ScriptName, pid: number, end: ScriptEnd): void {
    if (this.#desk === null) return; // Left to itself.
    this.#child = null;
    this.#isReady = null;
    if (end.kind === "not-started" && this.#tellNoStart(script, end)) return;
    const code = end.kind === "exit" ? end.code : end.kind === "killed" ? end.signal : 111;
    this.#lastEnd = end.kind === "killed" ? `signal ${code}` : `exit code ${code}`;
    const isFailure = end.kind !== "killed" && code === giveUpCode;
    if (isFailure || (script === "start" && (end.kind !== "exit" || code !== 0))) {
      if (this.#wanted === "up") this.#wanted = "down";
      this.#state = "failed";
    } else if (this.#wanted !== "up") this.#state = "stopped";
    this.#changed(script, end.kind === "killed" ? "killed" : "exit", code, pid);
    if (this.#exiting) this.#endOrStop();
    else if (this.#wanted === "up" || (script === "start" && this.#wanted === "once")) this.#begin();
    else if (this.#state !== "failed") this.#tryStop();
  }

  /** Says why a script did not start; true if it is tried again later without more ado. */
  #tellNoStart(script: ScriptName, { at, error }: ScriptEnd & { readonly kind: "not-started" }): boolean {
    const { folder, say } = this.#parts;
    if (at === "exec") {
      say(`supervise: fatal: unable to start ${folder.name}/${script}: ${errorText(error)}`);
      return false;
    }
    say(`supervise: warning: unable to fork for ${folder.name}, sleeping 60 seconds: ${errorText(error)}`);
    if (this.#wanted !== "down" && !this.#exiting) this.#beginIn(noRoomMs);
    this.#announce();
    return true;
  }

  #endOrStop(): void {
    if (this.#wanted !== "up" && this.#state !== "failed") this.#tryStop();
    this.#endIfDown();
  }

  #endIfDown(): void {
    if (this.#child !== null || this.#desk === null) return;
    this.abandon();
  }

  #watch(survivor: Survivor): void {
    this.#look = setInterval(() => {
      if (lifeOf(survivor.pid) === survivor.life) return;
      if (this.#look !== null) clearInterval(this.#look);
      this.#look = null;
      // Nobody tells how a process ended that is not our child.
      this.#gone("run", survivor.pid, { kind: "exit", code: 0 });
    }, survivorLookMs);
  }

  /** A process came or went: that is noted, and told to `./notify`. */
  #changed(script: ScriptName, notice: string, code: number, pid: number): void {
    this.#changedAt = Date.now();
    this.#announce();
    if (!this.#isExecutable("notify")) return;
    const { folder, env, fds } = this.#parts;
    const words = ["./notify", script, notice, `${pid}`, `${code}`] as const;
    startScript({ words, cwd: folder.path, env, fds, session: true, readyFd: null }).go();
  }

  #announce(): void {
    this.#desk?.report(this.#record(), this.#facts());
  }

  #record(): StatusRecord {
    return {
      seconds: Math.floor(this.#changedAt / 1000),
      nanoseconds: (this.#changedAt % 1000) * 1_000_000,
      pid: this.pid,
      paused: this.#paused,
      wanted: this.#wanted,
      state: this.#tellsState ? this.#state : null,
    };
  }

  #facts() {
    const life = this.#child === null ? null : (this.#child.life ?? lifeOf(this.#child.pid));
    return { ready: this.#isReady, starts: this.#starts, lastEnd: this.#lastEnd, life };
  }

  #has(name: string): boolean {
    return this.#stat(name) !== null;
  }

  #isExecutable(name: string): boolean {
    const stat = this.#stat(name);
    return stat?.isFile() === true && (stat.mode & 0o100) !== 0;
  }

  #stat(name: string): Stats | null {
    try {
      return statSync(this.#parts.folder.at(name));
    } catch {
      return null; // Not there, or not to be looked at: then it is not for us.
    }
  }

  /** The descriptor that `notification-fd` names, as s6 has it; null without. */
  #notificationFd(): number | null {
    try {
      const fd = Number(readFileSync(this.#parts.folder.at("notification-fd"), "latin1").trim());
      return Number.isInteger(fd) && fd > 2 && fd < 64 ? fd : null;
    } catch {
      return null;
    }
  }
}
