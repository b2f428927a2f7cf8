import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { readSetting } from "#control";
import { type Address, done, type ReversePath, temporary } from "#mail";
import { type NewMessage, openStore, type QueueStore } from "#queue";
import type { CourierResult } from "./courier-link.ts";
import type { BounceSettings } from "./owed-bounce.ts";
import { owedNotice } from "./owed-notice.ts";
import { type Scheduler, startScheduler } from "./scheduler.ts";

const hour = 3_600_000;
const lifetimeSeconds = 604_800;

const settings: BounceSettings = {
  bounceFrom: "MAILER-DAEMON",
  bounceHost: "mx.test",
  doubleBounceTo: "postmaster@mx.test" as Address,
  format: "qsbmf",
  maxCopyBytes: 0,
  subject: null,
  text: null,
};

/** A scheduler on a real store; recipients at `slow.test` are deferred, what else is delivered can be read. */
type Bench = {
  readonly store: QueueStore;
  readonly scheduler: Scheduler;
  readonly lines: string[];
  readonly clock: { ms: number };
  /** Sender, recipient, text of each delivery to others. */
  readonly delivered: { readonly sender: string; readonly to: string; readonly text: string }[];
  post(sender: string, to: readonly string[], text?: string): Promise<number>;
  /** Makes a message due at this time after the start, and waits until `attempts` more of it are deferred. */
  attempt(id: number, afterMs: number, attempts?: number): Promise<void>;
  /** Ends it as SIGTERM does. */
  end(): Promise<void>;
};

const began = 1_700_000_000_000;

async function until(claim: () => boolean, what: string): Promise<void> {
  for (const deadline = performance.now() + 10_000; !claim(); await sleep(2)) {
    assert.ok(performance.now() < deadline, `gave up waiting: ${what}`);
  }
}

function freshHome(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), "quail-delay-"));
  mkdirSync(join(home, "control"));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  return home;
}

type Change = { readonly compose?: () => void; readonly answer?: () => CourierResult };

function bench(t: TestContext, home: string, afterSeconds: number, change: Change = {}): Bench {
  const lines: string[] = [];
  const clock = { ms: began };
  const delivered: Bench["delivered"] = [];
  const store = openStore(home, (line) => lines.push(line));
  const compose = async (record: NonNullable<ReturnType<QueueStore["message"]>>) => {
    change.compose?.();
    const id = store.nextId();
    const notice = owedNotice(record, store.deferred(record.id), settings, {
      id,
      origin: { invoker: "bounce", uid: 7 },
      now: new Date(clock.ms),
      read: (offset, length) => store.read(record, offset, length),
      shown: (recipient) => recipient,
      retryUntil: new Date(record.agedFromMs + lifetimeSeconds * 1000),
    });
    if (notice === null) return null;
    const bytes = Buffer.concat([notice.head, store.read(record, 0, notice.copyBytes), notice.tail]);
    const recipients = [{ address: notice.recipient, channel: "local", destination: "" }] as const;
    const message: NewMessage = {
      id,
      bornAtMs: clock.ms,
      sender: notice.sender,
      body: { kind: "bytes", bytes },
      recipients,
    };
    return { message, uid: 7 };
  };
  const scheduler = startScheduler({
    store,
    outlets: {
      local: {
        ceiling: () => 10,
        async deliver({ sender, recipient, message }) {
          if (recipient.endsWith("@slow.test")) return change.answer?.() ?? temporary(`${recipient} is slow\n`);
          const text = (message.whole ?? Buffer.from("")).toString("latin1");
          delivered.push({ sender, to: recipient, text });
          return done();
        },
      },
      remote: { ceiling: () => 0, deliver: async () => "lost" },
    },
    log: (line) => lines.push(line),
    nowMs: () => clock.ms,
    concurrency: { local: 10, remote: 20 },
    destinationConcurrency: 20,
    lifetimeSeconds,
    composeBounce: async () => null,
    delayNotices: { afterSeconds, compose },
  });
  let ended: Promise<void> | null = null;
  const end = (): Promise<void> =>
    (ended ??= (async () => {
      await scheduler.stop();
      await sleep(5);
      store.close();
    })());
  t.after(end);
  /** Attempts of a message that were deferred. */
  const deferrals = (id: number): number => {
    const attempts = lines.flatMap(
      (line) => new RegExp(`^starting (delivery [0-9]+): msg ${id} `).exec(line)?.[1] ?? [],
    );
    return attempts.filter((name) => lines.some((line) => line.startsWith(`${name}: deferral`))).length;
  };
  return {
    store,
    scheduler,
    lines,
    clock,
    delivered,
    end,
    async post(sender, to, text = "Subject: x\n\nbody\n") {
      const message: NewMessage = {
        id: store.nextId(),
        bornAtMs: clock.ms,
        sender: sender as ReversePath,
        body: { kind: "bytes", bytes: Buffer.from(text) },
        recipients: to.map((address) => ({ address: address as Address, channel: "local", destination: "" })),
      };
      await new Promise<void>((stored) => {
        store.add(message, () => {
          scheduler.adopt(message, 1000);
          stored();
        });
      });
      const slow = to.filter((address) => address.endsWith("@slow.test")).length;
      await until(() => deferrals(message.id) === slow, "the first attempts");
      return message.id;
    },
    async attempt(id, afterMs, attempts = 1) {
      const before = deferrals(id);
      clock.ms = began + afterMs;
      assert.ok(scheduler.retry(id) > 0, "it is in the queue");
      await until(() => deferrals(id) === before + attempts, "the attempts");
      // A notice would be composed, committed and delivered by now.
      await sleep(30);
    },
  };
}

test("senders hear nothing of a delay by default; with delaynotice they hear once, after that time, from the null sender [Q-272]", async (t) => {
  const home = freshHome(t);
  const silent = bench(t, home, readSetting(home, "delaynotice"));
  const quiet = await silent.post("s@a.test", ["joe@slow.test"]);
  await silent.attempt(quiet, 100 * hour);
  assert.deepEqual(silent.delivered, []);
  await silent.end();

  const another = freshHome(t);
  writeFileSync(join(another, "control", "delaynotice"), "14400\n");
  const b = bench(t, another, readSetting(another, "delaynotice"));
  const id = await b.post("s@a.test", ["joe@slow.test", "ann@b.test"]);
  await b.attempt(id, 4 * hour - 1);
  assert.equal(b.delivered.length, 1, "Ann has it, and that is all");
  await b.attempt(id, 4 * hour);
  assert.deepEqual(
    b.delivered.slice(1).map(({ sender, to }) => [sender, to]),
    [["", "s@a.test"]],
  );
  assert.match(b.delivered[1]!.text, /\n<joe@slow\.test>:\njoe@slow\.test is slow\n\n---/);
  assert.match(b.delivered[1]!.text, /go on trying until 21 Nov 2023 22:13:20 -0000\.\n/);
  assert.ok(!b.delivered[1]!.text.includes("ann@b.test"));
  assert.ok(b.lines.includes("delaynotice msg 1 qp 2"));
  assert.ok(b.lines.includes("end msg 2"));
  for (let hours = 5; hours < 100; hours += 19) await b.attempt(id, hours * hour);
  assert.equal(b.delivered.length, 2);
});

test("recipients that are late together are told of together, once", async (t) => {
  const b = bench(t, freshHome(t), 60);
  const id = await b.post("s@a.test", ["one@slow.test", "two@slow.test", "three@slow.test"]);
  await b.attempt(id, hour, 3);
  assert.equal(b.delivered.length, 1);
  const named = b.delivered[0]!.text.match(/^<.*@slow\.test>:$/gm);
  assert.deepEqual(named, ["<one@slow.test>:", "<two@slow.test>:", "<three@slow.test>:"]);
});

test("bounces, double bounces, owners of VERP lists and mail of programs bring no delay notice", async (t) => {
  const b = bench(t, freshHome(t), 60);
  for (const sender of ["", "#@[]", "list-owner-@a.test-@[]"]) {
    await b.attempt(await b.post(sender, ["joe@slow.test"]), hour);
  }
  assert.equal(b.store.isNoticed(1), false, "nothing needed to be written down");
  const id = await b.post("s@a.test", ["joe@slow.test"], "Precedence: bulk\nSubject: x\n\nbody\n");
  await b.attempt(id, 2 * hour);
  assert.equal(b.store.isNoticed(id), true, "its header is not looked at again");
  await b.attempt(id, 3 * hour);
  assert.deepEqual(b.delivered, []);
});

test("after a restart nobody is told again, and who was not yet told is", async (t) => {
  const home = freshHome(t);
  const first = bench(t, home, 60);
  const told = await first.post("told@a.test", ["joe@slow.test"]);
  const untold = await first.post("untold@a.test", ["joe@slow.test"]);
  first.scheduler.hold(untold);
  await first.attempt(told, hour);
  assert.deepEqual(
    first.delivered.map(({ to }) => to),
    ["told@a.test"],
  );
  await first.end();
  const second = bench(t, home, 60);
  await second.attempt(told, 2 * hour);
  assert.deepEqual(second.delivered, []);
  second.scheduler.release(untold);
  await second.attempt(untold, 3 * hour);
  assert.deepEqual(
    second.delivered.map(({ to }) => to),
    ["untold@a.test"],
  );
});

test("a notice that could not be made is made at the next deferral, and the log says why", async (t) => {
  let isFull = true;
  const compose = (): void => {
    if (isFull) throw new Error("no room");
  };
  const b = bench(t, freshHome(t), 60, { compose });
  const id = await b.post("s@a.test", ["joe@slow.test"]);
  await b.attempt(id, hour);
  assert.ok(b.lines.includes("warning: trouble queueing delay notice of msg 1: no room"));
  assert.deepEqual(b.delivered, []);
  isFull = false;
  await b.attempt(id, 2 * hour);
  assert.equal(b.delivered.length, 1);
});

test("an expired message brings a bounce, not a delay notice before it", async (t) => {
  let answer: CourierResult = temporary("slow\n");
  const b = bench(t, freshHome(t), 60, { answer: () => answer });
  const id = await b.post("s@a.test", ["joe@slow.test"]);
  b.clock.ms = began + hour;
  // A report nobody understands defers, even the last attempt.
  answer = "mangled";
  b.scheduler.expire(id);
  await until(() => b.lines.some((line) => line.endsWith("report mangled, will defer")), "the deferral");
  await sleep(30);
  answer = temporary("slow\n");
  b.scheduler.retry(id);
  await until(() => b.lines.some((line) => line.includes("failure: slow")), "the failure");
  assert.deepEqual(b.delivered, []);
  assert.equal(b.store.isNoticed(id), false);
});
