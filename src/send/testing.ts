/** What tests of the scheduler have in common: one on a real store, its outlets and its clock in the test's hands. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Address, parseAddress, type ReversePath } from "#mail";
import { type Channel, type MessageRecord, type NewMessage, openStore, type QueueStore } from "#queue";
import type { CourierResult } from "./courier-link.ts";
import { destinationOf, type Outlet, type Scheduler, type SchedulerHouse, startScheduler } from "./scheduler.ts";

export type Job = Parameters<Outlet["deliver"]>[0];
/** A delivery an outlet was given, which the test ends when it likes. */
export type Given = { readonly job: Job; readonly end: (result: CourierResult) => void };

/** A scheduler on a real store, its outlets in the test's hands, its clock too. */
export type Bench = {
  readonly home: string;
  readonly store: QueueStore;
  readonly scheduler: Scheduler;
  readonly lines: string[];
  readonly clock: { ms: number };
  /** Deliveries given to a channel and not ended yet. */
  readonly given: Record<Channel, Given[]>;
  readonly bounces: MessageRecord[];
  readonly most: Record<Channel, number>;
  /** A message as its sender would leave it, not queued yet. */
  message(sender: string, to: readonly string[], channel?: Channel): NewMessage;
  /** Stores a message, then lets the scheduler know; its number. */
  post(sender: string, to: readonly string[], channel?: Channel): Promise<number>;
};

export function bench(t: TestContext, change: Partial<SchedulerHouse> = {}, at?: { home: string; ms: number }): Bench {
  const home = at?.home ?? mkdtempSync(join(tmpdir(), "quail-send-"));
  const lines: string[] = [];
  const clock = { ms: at?.ms ?? 1_700_000_000_000 };
  const given: Bench["given"] = { local: [], remote: [] };
  const most = { local: 0, remote: 0 };
  const bounces: MessageRecord[] = [];
  const store = openStore(home, (line) => lines.push(line));
  const outlet = (channel: Channel): Outlet => ({
    ceiling: () => 1000,
    deliver: (job) =>
      new Promise((settle) => {
        const entry: Given = {
          job,
          end(result) {
            given[channel].splice(given[channel].indexOf(entry), 1);
            settle(result);
          },
        };
        given[channel].push(entry);
        most[channel] = Math.max(most[channel], given[channel].length);
      }),
  });
  const message: Bench["message"] = (sender, to, channel = "local") => ({
    id: store.nextId(),
    bornAtMs: clock.ms,
    sender: sender as ReversePath,
    body: { kind: "bytes", bytes: Buffer.from("Subject: x\n\nbody\n") },
    recipients: to.map((name) => {
      const address = parseAddress(name) as Address;
      return { address, channel, destination: destinationOf(channel, address) };
    }),
  });
  const scheduler = startScheduler({
    store,
    outlets: { local: outlet("local"), remote: outlet("remote") },
    log: (line) => lines.push(line),
    nowMs: () => clock.ms,
    concurrency: { local: 10, remote: 20 },
    destinationConcurrency: 20,
    lifetimeSeconds: 604_800,
    async composeBounce(record) {
      bounces.push(record);
      return null;
    },
    ...change,
  });
  t.after(async () => {
    for (const channel of ["local", "remote"] as const) for (const entry of [...given[channel]]) entry.end("lost");
    await scheduler.stop();
    await sleep(5);
    store.close();
    if (at === undefined) rmSync(home, { recursive: true, force: true });
  });
  return {
    home,
    store,
    scheduler,
    lines,
    clock,
    given,
    bounces,
    most,
    message,
    async post(sender, to, channel) {
      const queued = message(sender, to, channel);
      await new Promise<void>((stored) => {
        store.add(queued, (error) => {
          assert.equal(error, null);
          scheduler.adopt(queued, 1000);
          stored();
        });
      });
      return queued.id;
    },
  };
}

/** Lets timers and immediates of the scheduler run until `claim` holds. */
export async function until(claim: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!claim()) {
    assert.ok(performance.now() < deadline, `gave up waiting: ${what}`);
    await sleep(2);
  }
}
