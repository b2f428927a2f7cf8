/** System calls of a running process that fail on demand: strace attaches, answers them itself with an error, and lets go again. */
import { spawn } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../system/house.ts";

/** What fails, and how. */
export type Injection = {
  /** Names of system calls, with commas between. */
  readonly calls: string;
  readonly error: "EIO" | "ENOSPC" | "ENFILE" | "EMFILE" | "EROFS" | "EAGAIN" | "ENOMEM";
  /** Only calls on this file; default: all. */
  readonly path?: string;
};

const attachLimitMs = 20_000;

/** Why no strace may attach to a process here; null if one may. */
export async function whyNotInject(): Promise<string | null> {
  await using trial = startIdle();
  try {
    await injecting([trial.pid], { calls: "fsync", error: "EIO" }, async () => {});
    return null;
  } catch (error) {
    return `strace may not attach here: ${error instanceof Error ? error.message : error}`;
  }
}

function startIdle(): AsyncDisposable & { readonly pid: number } {
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  return {
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await until("the trial's end", () => child.exitCode !== null || child.signalCode !== null);
    },
  };
}

/** Does `work` while these calls of these processes, all their threads, fail; after it they succeed again. */
export async function injecting<T>(pids: readonly number[], injection: Injection, work: () => Promise<T>): Promise<T> {
  const { calls, error, path } = injection;
  const words = ["-f", "-o", "/dev/null", "-e", `trace=${calls}`, "-e", `inject=${calls}:error=${error}`];
  if (path !== undefined) words.push("-P", path);
  const strace = spawn("strace", [...words, ...pids.flatMap((pid) => ["-p", String(pid)])], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  strace.stderr.setEncoding("latin1").on("data", (text: string) => {
    said += text;
  });
  const ended = new Promise<void>((done) => {
    strace.once("close", () => done());
    strace.once("error", (failure) => {
      said += failure.message;
      done();
    });
  });
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  try {
    await until(
      "strace attaches",
      () => {
        if (isOver) throw new Error(said.trim());
        return (said.match(/attached/g)?.length ?? 0) >= pids.length;
      },
      attachLimitMs,
    );
    return await work();
  } finally {
    if (!isOver) strace.kill("SIGTERM"); // It lets go of them first.
    await Promise.race([ended, sleep(attachLimitMs, null, { ref: false })]);
  }
}

/** Processes that have this file open. */
export function holdersOf(path: string): readonly number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^[0-9]+$/.test(name)) return [];
    try {
      const fds = readdirSync(`/proc/${name}/fd`);
      return fds.some((fd) => linkOf(`/proc/${name}/fd/${fd}`) === path) ? [Number(name)] : [];
    } catch {
      return []; // Gone, or somebody else's.
    }
  });
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // Closed meanwhile.
  }
}
