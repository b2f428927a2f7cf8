/** A reader of the handbook: a shell in which the commands of a page are typed one after the other, on a home of its own. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { chownSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../bench/tools/processes.ts";
import { House } from "../system/house.ts";
import { outputPattern, type Step } from "./blocks.ts";

/** The folder the handbook's examples stand in. */
const shownHome = "/var/qmail";
/** Ports as the handbook shows them. */
const shownPorts = {
  smtp: "2525",
  submission: "2587",
  smtps: "2465",
  pop3: "2110",
  pop3s: "2995",
  metrics: "2595",
} as const;

/** No command of the handbook takes longer, however busy the machine is. */
const commandLimitMs = 60_000;
/** What only looks is typed again until it shows what the page shows: mail takes a moment to be delivered. */
const lookLimitMs = 15_000;
const lookAgainMs = 100;
/** Commands that change nothing. */
const looks =
  /^(?:cat|grep|head|ls|tail|sed -n|mailq|qmail-q(?:read|stat)|svstat|quail stat|quail (?:trace|explain|queue (?:list|show))|curl -s -u \S+ pop3:)/;

/** What a command printed, as the handbook would show it. */
export type Seen = { readonly output: string; readonly fits: boolean };

/** Compiled code of commands, for all pages of a run: not root's, who may not be the one who types. */
function compileCache(owner: { readonly uid: number; readonly gid: number }): string {
  const folder = mkdtempSync(join(tmpdir(), "quail-handbook-cache-"));
  if (process.getuid?.() === 0) chownSync(folder, owner.uid, owner.gid);
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
let cache: string | null = null;

export class Reader implements AsyncDisposable {
  readonly #house: House;
  /** What stands in for each port that is shown. */
  readonly #ports: readonly (readonly [shown: string, real: string])[];
  readonly #shell: ChildProcessWithoutNullStreams;
  #printed = "";
  #commands = 0;

  private constructor(house: House, metrics: number, shell: ChildProcessWithoutNullStreams) {
    this.#house = house;
    const ports = { ...house.ports, metrics };
    const names = Object.keys(shownPorts) as (keyof typeof shownPorts)[];
    this.#ports = names.map((name) => [shownPorts[name], String(ports[name])]);
    this.#shell = shell;
    shell.stdout.setEncoding("latin1").on("data", (text: string) => {
      this.#printed += text;
    });
    shell.stderr.resume(); // The shell's own complaints; those of commands come with their output.
  }

  /** Starts Quail on a fresh home and a shell in it; as the home's owner, whoever we are. */
  static async open(): Promise<Reader> {
    const metrics = await freePort();
    const house = await House.open({ pop3: true, tls: true, words: ["--port", `metrics=${metrics}`] });
    const { uid, gid } = statSync(house.home);
    cache ??= compileCache({ uid, gid });
    const shell = spawn("bash", ["--noprofile", "--norc"], {
      cwd: house.home,
      env: {
        PATH: `${house.path("bin")}:${process.env.PATH ?? "/usr/bin:/bin"}`,
        QUAIL_HOME: house.home,
        HOME: house.path("home", "you"),
        USER: "you",
        LC_ALL: "C",
        TZ: "UTC",
        NODE_COMPILE_CACHE: cache,
      },
      ...(process.getuid?.() === 0 ? { uid, gid } : {}),
    });
    return new Reader(house, metrics, shell);
  }

  /** Types one command. What only looks is typed until it fits or the time is over. */
  async type({ command, expected }: Step): Promise<Seen> {
    const pattern = outputPattern(expected);
    const deadline = Date.now() + lookLimitMs;
    for (;;) {
      const output = this.#shown(await this.#run(this.#typed(command)));
      const fits = pattern.test(output);
      if (fits || !looks.test(command) || Date.now() > deadline) return { output, fits };
      await sleep(lookAgainMs);
    }
  }

  /** The scheduler's log and what the start command printed, for a report of failure. */
  story(): string {
    return this.#house.story();
  }

  #typed(command: string): string {
    const text = command.replaceAll(shownHome, this.#house.home);
    return this.#ports.reduce((each, [shown, real]) => each.replaceAll(shown, real), text);
  }

  #shown(output: string): string {
    const text = output.replaceAll("\r\n", "\n").replaceAll(this.#house.home, shownHome);
    return this.#ports.reduce((each, [shown, real]) => each.replaceAll(real, shown), text);
  }

  /** A page may stop Quail and start it again by itself; that one is ours to end, too. */
  #stopRestarted(): void {
    try {
      process.kill(Number.parseInt(readFileSync(this.#house.path("ready"), "latin1"), 10), "SIGTERM");
    } catch {
      // Nothing runs.
    }
  }

  /** Runs a command in the shell; resolves with all it printed, on either stream. */
  async #run(command: string): Promise<string> {
    const end = `--quail-handbook-${++this.#commands}--`;
    const from = this.#printed.length;
    this.#shell.stdin.write(`{ ${command}\n} </dev/null 2>&1; printf '%s\\n' ${end}\n`);
    const deadline = Date.now() + commandLimitMs;
    for (;;) {
      const at = this.#printed.indexOf(`${end}\n`, from);
      if (at >= 0) return this.#printed.slice(from, at);
      if (this.#shell.exitCode !== null) throw new Error(`the shell ended at: ${command}`);
      if (Date.now() > deadline) throw new Error(`does not end: ${command}\n${this.#printed.slice(from)}`);
      await sleep(5);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#shell.stdin.end();
    this.#shell.kill("SIGKILL");
    this.#stopRestarted();
    await this.#house[Symbol.asyncDispose]();
  }
}
