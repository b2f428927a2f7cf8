/** What tests with hostile clients have in common: what a house's processes cost, raw connections, and mail that passes beside. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { commandOf, processCpuSeconds } from "../../bench/tools/process-tree.ts";
import { type House, inbox, processesIn, readNew, until } from "../system/house.ts";
import { sendOne } from "../system/smtp-client.ts";

/** Bytes as whole megabytes, for people. */
export const mb = (bytes: number): number => Math.round(bytes / 1e6);

/** A process's role in a house, as it was started: `smtpd`, `queue`, `local-worker`; `supervisor` for the start command. */
function roleOf(pid: number): string {
  const words = commandOf(pid);
  const at = words.findIndex((word) => word.endsWith("run.ts"));
  return at >= 0 ? (words[at + 1] ?? "?") : "supervisor";
}

/** Processes of a role in a house. */
export function pidsOf(house: House, role: string): readonly number[] {
  return processesIn(house.home).filter((pid) => roleOf(pid) === role);
}

/** A figure of `/proc/PID/status` in bytes (`VmRSS`, `VmHWM`); 0 once the process is gone. */
export function memoryOf(pid: number, figure: "VmRSS" | "VmHWM"): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    return 1024 * Number(new RegExp(`^${figure}:\\s+([0-9]+) kB$`, "m").exec(status)?.[1] ?? 0);
  } catch {
    return 0; // It has ended meanwhile.
  }
}

/** Resident memory of a house's processes by role, in bytes, and their CPU time so far, in seconds. */
function costs(house: House): { readonly rss: ReadonlyMap<string, number>; readonly cpu: number } {
  const rss = new Map<string, number>();
  let cpu = 0;
  for (const pid of processesIn(house.home)) {
    const role = roleOf(pid);
    try {
      cpu += processCpuSeconds(pid);
      rss.set(role, (rss.get(role) ?? 0) + memoryOf(pid, "VmRSS"));
    } catch {
      // It has ended meanwhile.
    }
  }
  return { rss, cpu };
}

/** Watches a house during `work`: prints CPU and the most memory each role had; returns the growth of all together, in bytes. */
export async function watching(t: TestContext, what: string, house: House, work: () => Promise<void>): Promise<number> {
  const before = costs(house);
  const most = new Map(before.rss);
  const look = (): void => {
    for (const [role, bytes] of costs(house).rss) most.set(role, Math.max(most.get(role) ?? 0, bytes));
  };
  const timer = setInterval(look, 250);
  const begun = Date.now();
  try {
    await work();
    look();
  } finally {
    clearInterval(timer);
  }
  let growth = 0;
  const grown: string[] = [];
  for (const [role, bytes] of most) {
    const more = bytes - (before.rss.get(role) ?? 0);
    growth += more;
    if (more > 1e6) grown.push(`${role} +${mb(more)}`);
  }
  const cpu = costs(house).cpu - before.cpu;
  t.diagnostic(
    `${what}: ${((Date.now() - begun) / 1000).toFixed(1)} s, ${cpu.toFixed(1)} s of CPU, MB at most: ${grown.join(", ") || "no growth"}`,
  );
  return growth;
}

/** A connection to a loopback port, or to a socket's path; one that is refused comes back closed. Its errors are nobody's. */
export async function open(where: number | string): Promise<Socket> {
  const socket = typeof where === "string" ? connect(where) : connect(where, "127.0.0.1");
  socket.on("error", () => {});
  await new Promise((done) => socket.once("connect", done).once("close", done));
  return socket;
}

/** Mail passes while the others do what they do; how long it took, in milliseconds. */
export async function mailPasses(house: House, subject: string): Promise<number> {
  const begun = Date.now();
  assert.equal((await sendOne(house.ports.smtp, "a@b.test", [inbox], `Subject: ${subject}\n\n`)).code, 250);
  await until(
    `mail beside ${subject}`,
    () => [...readNew(house.maildir).values()].some((bytes) => bytes.includes(subject)),
    20_000,
  );
  return Date.now() - begun;
}
