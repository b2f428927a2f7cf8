import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { done, permanent, temporary } from "#mail";
import type { CourierResult } from "./courier-link.ts";

import { bench, until } from "./testing.ts";

test("a success is logged in qmail-send's words, byte for byte [Q-061, Q-081, Q-083]", async (t) => {
  const b = bench(t);
  const id = await b.post("s@a.test", ["joe@b.test"]);
  b.given.local[0]!.end(done("did 1+0+0\n"));
  await until(() => b.lines.includes(`end msg ${id}`), "the end");
  assert.deepEqual(b.lines, [
    "status: local 0/10 remote 0/20",
    "new msg 1",
    "info msg 1: bytes 17 from <s@a.test> qp 1 uid 1000",
    "starting delivery 1: msg 1 to local joe@b.test",
    "status: local 1/10 remote 0/20",
    "delivery 1: success: did_1+0+0/",
    "status: local 0/10 remote 0/20",
    "end msg 1",
  ]);
  b.store.flush();
  assert.equal(b.store.message(id), null);
});

test("blanks, percent signs and control bytes in reports and addresses are logged as _, LF as / [Q-082]", async (t) => {
  const b = bench(t);
  await b.post("a b%@x.test", ["j\x01oe\xe9@b.test"]);
  b.given.local[0]!.end(temporary("50% of\tit\nfailed (#4.3.0)\n"));
  await until(() => b.lines.some((line) => line.startsWith("delivery 1")), "the delivery");
  assert.ok(b.lines.includes("info msg 1: bytes 17 from <a_b_@x.test> qp 1 uid 1000"));
  assert.ok(b.lines.includes("starting delivery 1: msg 1 to local j_oe_@b.test"));
  assert.ok(b.lines.includes("delivery 1: deferral: 50__of_it/failed_(#4.3.0)/"));
});

test("a message without recipients vanishes with end msg and no bounce [Q-055]", async (t) => {
  const b = bench(t);
  const id = await b.post("s@a.test", []);
  assert.deepEqual(b.lines.slice(1), ["new msg 1", "info msg 1: bytes 17 from <s@a.test> qp 1 uid 1000", "end msg 1"]);
  b.store.flush();
  assert.equal(b.store.message(id), null);
  assert.equal(b.bounces.length, 0);
});

test("never more deliveries at once than the channel's concurrency [Q-064]", async (t) => {
  const b = bench(t, { concurrency: { local: 3, remote: 20 } });
  for (let n = 0; n < 12; n++) await b.post("s@a.test", ["joe@b.test"]);
  for (let n = 0; n < 12; n++) {
    await until(() => b.given.local.length > 0, "a delivery");
    b.given.local[0]!.end(done());
  }
  await until(() => b.lines.filter((line) => line.startsWith("end msg")).length === 12, "twelve ends");
  assert.equal(b.most.local, 3);
});

test("a concurrency of 0 holds the remote channel and leaves the local one alone [Q-065]", async (t) => {
  const b = bench(t, { concurrency: { local: 10, remote: 0 } });
  await b.post("s@a.test", ["far@b.test"], "remote");
  await b.post("s@a.test", ["near@b.test"]);
  await until(() => b.given.local.length === 1, "the local delivery");
  assert.equal(b.given.remote.length, 0);
});

test("concurrency above 255 works [Q-275]", async (t) => {
  const b = bench(t, { concurrency: { local: 300, remote: 20 } });
  for (let n = 0; n < 310; n++) await b.post("s@a.test", [`u${n}@b.test`]);
  await until(() => b.given.local.length === 300, "300 at once");
  assert.ok(b.lines.includes("status: local 300/300 remote 0/20"));
});

test("recipients end independently, only the unfinished one is tried again, at its time [Q-079, Q-067]", async (t) => {
  const b = bench(t);
  await b.post("s@a.test", ["one@b.test", "two@c.test"], "remote");
  const [one, two] = [...b.given.remote];
  one!.end(done("ok\n"));
  two!.end(temporary("busy (#4.4.1)\n"));
  await until(() => b.lines.some((line) => line.startsWith("delivery 2: deferral")), "the deferral");
  b.store.flush();
  assert.equal(b.store.nextDue("remote", b.clock.ms), 1_700_000_400_000);
  b.clock.ms += 399_000;
  b.scheduler.wake();
  await sleep(20);
  assert.equal(b.given.remote.length, 0);
  b.clock.ms += 1_000;
  b.scheduler.retry(999_999); // Any admin's touch makes the scheduler look at the clock.
  await until(() => b.given.remote.length === 1, "the second attempt");
  assert.equal(b.given.remote[0]!.job.recipient, "two@c.test");
  assert.equal(b.given.remote[0]!.job.again, true);
});

test("the bounce waits until the soft recipient is finished too [Q-088]", async (t) => {
  const b = bench(t);
  await b.post("s@a.test", ["bad@b.test", "slow@b.test"]);
  const [bad, slow] = [...b.given.local];
  bad!.end(permanent("no (#5.1.1)\n"));
  slow!.end(temporary("later (#4.3.0)\n"));
  await until(() => b.lines.some((line) => line.startsWith("delivery 2: deferral")), "the deferral");
  assert.equal(b.bounces.length, 0);
  b.clock.ms += 100_000;
  b.scheduler.retry(1);
  await until(() => b.given.local.length === 1, "the retry");
  b.given.local[0]!.end(done());
  await until(() => b.bounces.length === 1, "the bounce");
});

test("after the lifetime a soft failure is a hard one and says so [Q-069]", async (t) => {
  const b = bench(t);
  await b.post("s@a.test", ["joe@b.test"]);
  b.given.local[0]!.end(temporary("busy (#4.3.0)\n"));
  await until(() => b.lines.some((line) => line.startsWith("delivery 1")), "the first attempt");
  b.clock.ms += 604_802_000;
  b.scheduler.retry(1);
  await until(() => b.given.local.length === 1, "the last attempt");
  b.given.local[0]!.end(temporary("busy (#4.3.0)\n"));
  await until(() => b.bounces.length === 1, "the bounce");
  assert.ok(
    b.lines.includes(
      "delivery 2: failure: busy_(#4.3.0)/I'm_not_going_to_try_again;_this_message_has_been_in_the_queue_too_long./",
    ),
  );
});

test("a renewed message has its whole lifetime before it again [Q-077]", async (t) => {
  const b = bench(t);
  await b.post("s@a.test", ["joe@b.test"]);
  b.given.local[0]!.end(temporary("busy\n"));
  await until(() => b.lines.some((line) => line.startsWith("delivery 1")), "the first attempt");
  b.clock.ms += 604_802_000;
  b.scheduler.renew(1);
  b.scheduler.retry(1);
  await until(() => b.given.local.length === 1, "the attempt");
  b.given.local[0]!.end(temporary("busy\n"));
  await until(() => b.lines.some((line) => line.startsWith("delivery 2: deferral")), "a deferral, not a failure");
});

test("SIGALRM makes everything due now, and the next retry follows the true age [Q-071]", async (t) => {
  const b = bench(t);
  for (let n = 0; n < 5; n++) await b.post("s@a.test", [`u${n}@b.test`], "remote");
  for (const given of [...b.given.remote]) given.end(temporary("busy\n"));
  await until(() => b.lines.filter((line) => line.includes("deferral")).length === 5, "five deferrals");
  b.clock.ms += 10_000;
  b.scheduler.hurry();
  await until(() => b.given.remote.length === 5, "five attempts");
  for (const given of [...b.given.remote]) given.end(temporary("busy\n"));
  await until(() => b.lines.filter((line) => line.includes("deferral")).length === 10, "ten deferrals");
  b.store.flush();
  // Age 10 s: floor(sqrt(10)) = 3, so (3 + 20)^2 = 529 s of age.
  assert.equal(b.store.nextDue("remote", b.clock.ms), 1_700_000_529_000);
});

test("SIGTERM starts nothing new, waits for what runs, says exitasap and exiting [Q-074]", async (t) => {
  const b = bench(t, { concurrency: { local: 1, remote: 20 } });
  await b.post("s@a.test", ["one@b.test"]);
  await b.post("s@a.test", ["two@b.test"]);
  let stopped = false;
  const stop = b.scheduler.stop().then(() => {
    stopped = true;
  });
  await sleep(20);
  assert.equal(stopped, false);
  b.given.local[0]!.end(done("did 1+0+0\n"));
  await stop;
  assert.equal(b.given.local.length, 0);
  assert.deepEqual(b.lines.slice(-5), [
    "status: local 1/1 remote 0/20 exitasap",
    "delivery 1: success: did_1+0+0/",
    "status: local 0/1 remote 0/20 exitasap",
    "end msg 1",
    "status: exiting",
  ]);
});

test("a second run takes up what the first left, with `again` set, and keeps its retry times [Q-075, Q-053]", async (t) => {
  const first = bench(t);
  await first.post("s@a.test", ["now@b.test"]);
  await first.post("s@a.test", ["later@b.test"]);
  first.given.local[1]!.end(temporary("busy\n"));
  await until(() => first.lines.some((line) => line.startsWith("delivery 2")), "the deferral");
  first.store.flush();
  const second = bench(t, {}, { home: first.home, ms: first.clock.ms + 1_000 });
  await until(() => second.given.local.length === 1, "the one that was under way");
  await sleep(20);
  assert.deepEqual(
    second.given.local.map(({ job }) => [job.recipient, job.again]),
    [["now@b.test", true]],
  );
  assert.equal(second.store.nextDue("local", second.clock.ms), 1_700_000_100_000);
});

test("a lost courier's deliveries are given out again a second later, not after the retry schedule", async (t) => {
  const b = bench(t);
  await b.post("s@a.test", ["joe@b.test"]);
  b.given.local[0]!.end("lost");
  await until(() => b.lines.some((line) => line === "delivery 1: deferral: qmail-local_crashed./"), "the deferral");
  b.clock.ms += 1_000;
  b.scheduler.retry(1);
  await until(() => b.given.local.length === 1, "the second attempt");
  assert.equal(b.given.local[0]!.job.again, true);
});

test("a mangled report defers and says so", async (t) => {
  const b = bench(t);
  await b.post("s@a.test", ["joe@b.test"]);
  b.given.local[0]!.end("mangled");
  await until(() => b.lines.includes("delivery 1: report mangled, will defer"), "the log line");
});

test("one dead destination does not take every slot: others go on beside it", async (t) => {
  const b = bench(t, { destinationConcurrency: 5 });
  for (let n = 0; n < 300; n++) await b.post("s@a.test", [`u${n}@dead.test`], "remote");
  await b.post("s@a.test", ["joe@alive.test"], "remote");
  await until(() => b.given.remote.some(({ job }) => job.recipient === "joe@alive.test"), "the healthy one");
  assert.equal(b.given.remote.filter(({ job }) => job.recipient.endsWith("dead.test")).length, 5);
});

test("a host in trouble gets fewer deliveries at a time, one that works again gets more", async (t) => {
  const b = bench(t, { destinationConcurrency: 8 });
  for (let n = 0; n < 60; n++) await b.post("s@a.test", [`u${n}@dead.test`], "remote");
  for (const given of [...b.given.remote]) given.end({ ...temporary("no connection\n"), scope: "host" });
  await until(() => b.lines.filter((line) => line.includes("deferral")).length === 8, "eight deferrals");
  await until(() => b.given.remote.length === 2, "two at a time");
  for (let n = 0; n < 20; n++) {
    b.given.remote[0]!.end(done("ok\n"));
    await sleep(1);
  }
  assert.equal(b.given.remote.length, 8);
});

test("a backlog of thousands for one destination that was dead goes out to the last when it is back", async (t) => {
  const b = bench(t, { concurrency: { local: 10, remote: 100 }, destinationConcurrency: 100 });
  const recipients = Array.from({ length: 100 }, (_, n) => `u${n}@dead.test`);
  const messages = 45;
  for (let n = 0; n < messages; n++) await b.post("s@x.test", recipients, "remote");
  let isBack = false;
  let taken = 0;
  const hostDown: CourierResult = { fate: "temporary", text: "no connection\n", scope: "host" };
  const pump = async (count: number): Promise<void> => {
    for (const wanted = taken + count; taken < wanted; ) {
      await until(() => b.given.remote.length > 0, `the next of ${wanted - taken} deliveries`);
      for (const { end } of [...b.given.remote]) {
        taken++;
        end(isBack ? done() : hostDown);
      }
    }
  };
  await pump(recipients.length * messages);
  isBack = true;
  b.clock.ms += 1_000;
  b.scheduler.hurry();
  await pump(recipients.length * messages);
  await until(() => b.lines.filter((line) => line.startsWith("end msg")).length === messages, "the ends");
});

test("recipients that were passed over for a full destination are delivered when it has room", async (t) => {
  const b = bench(t, { destinationConcurrency: 2 });
  for (let n = 0; n < 250; n++) await b.post("s@a.test", [`u${n}@one.test`], "remote");
  let ended = 0;
  while (ended < 250) {
    await until(() => b.given.remote.length > 0, `delivery ${ended + 1}`);
    b.given.remote[0]!.end(done("ok\n"));
    ended++;
  }
  await until(() => b.lines.filter((line) => line.startsWith("end msg")).length === 250, "250 ends");
  assert.equal(b.most.remote, 2);
});

test("10000 recipients pass through a bounded window in memory, each exactly once [Q-293]", async (t) => {
  const seen = new Map<string, number>();
  const b = bench(t, {
    concurrency: { local: 50, remote: 20 },
    outlets: {
      local: {
        ceiling: () => 1000,
        async deliver(job) {
          seen.set(job.recipient, (seen.get(job.recipient) ?? 0) + 1);
          return done();
        },
      },
      remote: { ceiling: () => 0, deliver: async () => "lost" },
    },
  });
  await b.post(
    "s@a.test",
    Array.from({ length: 10_000 }, (_, n) => `u${n}@b.test`),
  );
  await until(() => b.lines.includes("end msg 1"), "the end");
  assert.equal(seen.size, 10_000);
  assert.ok([...seen.values()].every((count) => count === 1));
});

test("a VERP sender is expanded for each recipient [Q-160]", async (t) => {
  const b = bench(t);
  await b.post("list-owner-@example.org-@[]", ["joe@far.net"], "remote");
  assert.equal(b.given.remote[0]!.job.sender, "list-owner-joe=far.net@example.org");
});

test("a held message rests until it is released; a removed one is gone, its running delivery ignored", async (t) => {
  const b = bench(t, { concurrency: { local: 1, remote: 20 } });
  const running = await b.post("s@a.test", ["one@b.test"]);
  const waiting = await b.post("s@a.test", ["two@b.test"]);
  assert.equal(b.scheduler.hold(waiting), 1);
  assert.equal(b.scheduler.remove(running), 1);
  b.given.local[0]!.end(done());
  await sleep(20);
  assert.equal(b.given.local.length, 0);
  assert.equal(b.scheduler.release(waiting), 1);
  await until(() => b.given.local.length === 1, "the released one");
  assert.equal(b.given.local[0]!.job.recipient, "two@b.test");
});
