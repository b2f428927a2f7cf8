import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { multiCallPath, type ProgramCall } from "#process";

/** How long `svc` may take to tell a supervise to end, and that one to end its service, in milliseconds. */
const stopMs = 60_000;

const againMs = 1_000;

/** A `supervise` under way on a folder. */
export type Supervised = { readonly folder: string; readonly child: ChildProcess; readonly ended: Promise<void> };

/** Our own program as a process: one that gets descriptors must not run inside ours. */
export function startSupervise(call: ProgramCall, folder: string, stdio: StdioOptions): Supervised {
  const child = spawn(multiCallPath, ["supervise", folder], { cwd: call.cwd, env: call.env, stdio });
  const ended = new Promise<void>((done) => {
    child.once("exit", () => done());
    child.once("error", () => done());
  });
  return { folder, child, ended };
}

/** `svc -dx`: the service is brought down and its supervise ends; waits until it has. One that has not begun to listen is told again. */
export async function stopSupervise(call: ProgramCall, { folder, child, ended }: Supervised): Promise<void> {
  let isOver = child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  void ended.then(() => {
    isOver = true;
  });
  const late = setTimeout(() => child.kill("SIGKILL"), stopMs);
  while (!isOver) {
    const svc = spawn(multiCallPath, ["svc", "-dx", folder], { cwd: call.cwd, env: call.env, stdio: "ignore" });
    await Promise.race([once(svc, "exit"), once(svc, "error"), ended]);
    await Promise.race([sleep(againMs), ended]);
  }
  clearTimeout(late);
}
