import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Address, type ReversePath, temporary } from "#mail";
import { type NewMessage, openStore } from "#queue";
import type { CourierResult } from "./courier-link.ts";
import { destinationOf, type Outlet, startScheduler } from "./scheduler.ts";

/** A scheduler whose remote deliveries last until the test ends them, by recipient; and its clock. */
function slowRemote(t: TestContext) {
  const home = mkdtempSync(join(tmpdir(), "quail-overlap-"));
  const lines: string[] = [];
  const clock = { ms: 1_700_000_000_000 };
  const running = new Map<string, ((result: CourierResult) => void)[]>();
  const store = openStore(home, (line) => lines.push(line));
  const deliver: Outlet["deliver"] = ({ recipient }) =>
    new Promise((end) => {
      running.set(recipient, [...(running.get(recipient) ?? []), end]);
    });
  const outlet: Outlet = { ceiling: () => 100, deliver };
  const scheduler = startScheduler({
    store,
    outlets: { local: outlet, remote: outlet },
    log: (line) => lines.push(line),
    nowMs: () => clock.ms,
    concurrency: { local: 10, remote: 20 },
    destinationConcurrency: 20,
    lifetimeSeconds: 604_800,
    composeBounce: async () => null,
  });
  const end = (recipient: string): void => {
    const ends = running.get(recipient) ?? [];
    running.delete(recipient);
    for (const each of ends) each(temporary("busy (#4.4.1)\n"));
  };
  t.after(async () => {
    for (const recipient of [...running.keys()]) end(recipient);
    await scheduler.stop();
    await sleep(5);
    store.close();
    rmSync(home, { recursive: true, force: true });
  });
  const starts = (recipient: string): number =>
    lines.filter((line) => line.startsWith("starting delivery") && line.endsWith(` ${recipient}`)).length;
  const post = async (...recipients: readonly string[]): Promise<number> => {
    const message: NewMessage = {
      id: store.nextId(),
      bornAtMs: clock.ms,
      sender: "s@a.test" as ReversePath,
      body: { kind: "bytes", bytes: Buffer.from("Subject: x\n\nbody\n") },
      recipients: (recipients as readonly Address[]).map((address) => ({
        address,
        channel: "remote",
        destination: destinationOf("remote", address),
      })),
    };
    await new Promise<void>((stored) => {
      store.add(message, (error) => {
        assert.equal(error, null);
        scheduler.adopt(message, 1000);
        stored();
      });
    });
    return message.id;
  };
  /** Everything that makes a message due: its time, ALRM, an admin. */
  const pressOn = async (id: number, seconds: number): Promise<void> => {
    clock.ms += seconds * 1000;
    scheduler.wake();
    scheduler.hurry();
    scheduler.retry(id);
    scheduler.wake();
    await sleep(30);
  };
  return { store, end, starts, post, pressOn };
}

async function until(claim: () => boolean, what: string): Promise<void> {
  for (const deadline = performance.now() + 10_000; !claim(); await sleep(2)) {
    assert.ok(performance.now() < deadline, `gave up waiting: ${what}`);
  }
}

test("a delivery under way is not started a second time, whatever time, ALRM or an admin say; the next one waits for its end", async (t) => {
  const { end, starts, post, pressOn } = slowRemote(t);
  const id = await post("joe@b.test");
  await until(() => starts("joe@b.test") === 1, "the first delivery");
  for (let n = 0; n < 3; n++) await pressOn(id, 2_000);
  assert.equal(starts("joe@b.test"), 1);
  end("joe@b.test");
  await sleep(5);
  await pressOn(id, 10_000);
  await until(() => starts("joe@b.test") === 2, "the second delivery");
});

test("a recipient whose delivery takes long does not hold up the retries of the message's others", async (t) => {
  const { end, starts, post, pressOn } = slowRemote(t);
  const id = await post("slow@b.test", "quick@c.test");
  await until(() => starts("quick@c.test") === 1, "both deliveries");
  end("quick@c.test");
  await sleep(5);
  await pressOn(id, 400);
  await until(() => starts("quick@c.test") === 2, "the retry");
  assert.equal(starts("slow@b.test"), 1);
});
