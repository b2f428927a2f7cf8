/** What a house weighs when nobody sends mail: at most 150 MB for all mail services together. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { freePort } from "../../bench/tools/processes.ts";
import { House, isRunning, processesIn, until } from "./house.ts";

const limitKb = 150 * 1024;

/** Kilobytes of a process: its own, and what it has in common with others (the program, mostly). */
function memory(pid: number): { readonly own: number; readonly shared: number } {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  const of = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(rollup)?.[1] ?? 0);
  return { own: of("Private_Dirty") + of("Private_Clean"), shared: of("Shared_Clean") + of("Shared_Dirty") };
}

/**
 * What all these processes would take on a machine of their own: each its own, and the common part once. (The kernel's PSS would be
 * less while other Nodes run, for it deals out the common part to them too.)
 */
function weightKb(pids: readonly number[]): number {
  const all = pids.filter(isRunning).map(memory);
  return all.reduce((sum, { own }) => sum + own, 0) + Math.max(...all.map(({ shared }) => shared));
}

test("at rest supervisor and services, SMTP, submission, POP3 and metrics served, have less than 150 MB together", async (t) => {
  const [metrics, pop3] = [await freePort(), await freePort()];
  // A user's own cache, for whom this checkout is somebody else's: the supervisor keeps its compiled code there.
  const own = await mkdtemp(join(tmpdir(), "quail-home-"));
  t.after(() => rm(own, { recursive: true, force: true }));
  const words = ["--port", `metrics=${metrics}`, "--port", `pop3=${pop3}`];
  await using house = await House.open({ words, env: { HOME: own }, compiles: true });
  const pids = [...new Set([house.pid, ...processesIn(house.home)])];
  assert.equal(pids.length, 7);
  let weight = Number.POSITIVE_INFINITY;
  await until(
    "rest",
    () => {
      weight = Math.min(weight, weightKb(pids));
      return weight < limitKb;
    },
    60_000,
  ).catch((error: unknown) => {
    throw new Error(`${error instanceof Error ? error.message : error}: ${Math.round(weight / 1024)} MB`);
  });
  t.diagnostic(`${Math.round(weight / 1024)} MB`);
});
