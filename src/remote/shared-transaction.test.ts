import assert from "node:assert/strict";
import { test } from "node:test";
import type { Address, DeliveryJob, Outcome } from "#mail";
import { makeDeliver } from "./deliver.ts";
import { job, source, talk, testWorld, willing } from "./testing/test-world.ts";

const ip = "192.0.2.1";
const zone = { "there.test": { mx: [[10, "mx.there.test"]] as const }, "mx.there.test": { a: [ip] } };
const accepted = `${ip} accepted message.\nRemote host said: 250 taken\n`;
const mail = ["C: MAIL FROM:<joe@here.test>", "S: 250 ok"];
const rcpt = (who: string, reply = "250 ok"): readonly string[] => [`C: RCPT TO:<${who}@there.test>`, `S: ${reply}`];
const data = ["C: DATA", "S: 354 go", "MESSAGE"];

const jobs = (names: readonly string[], change: Partial<DeliveryJob> = {}): readonly DeliveryJob[] =>
  names.map((name, index) => ({ ...job(`${name}@there.test`), index, ...change }));

/** The outcomes of jobs given out together, and what the server was told. */
async function together(
  t: Parameters<typeof testWorld>[0],
  all: readonly DeliveryJob[],
  scripts: readonly string[],
  transactionRecipients = 50,
) {
  const world = await testWorld(t, { zone, hosts: { [ip]: scripts }, settings: { transactionRecipients } });
  const deliver = makeDeliver(world);
  const outcomes = await Promise.all(all.map(deliver));
  const server = world.servers.get(ip)!;
  assert.deepEqual(server.complaints, []);
  const connections = world.tried.length;
  return { outcomes, deliver, connections, server, world };
}

const brief = (outcomes: readonly Outcome[]) => outcomes.map(({ fate, text }) => [fate, text]);

test("recipients of one message at one host share a transaction, and each fares as its own RCPT did (RFC 5321 §5.1, spec G21)", async (t) => {
  const script = talk(
    ...mail,
    ...rcpt("ann"),
    ...rcpt("bob", "550 no bob"),
    ...rcpt("eve", "450 grey"),
    ...rcpt("joe"),
    ...data,
    "S: 250 taken",
  );
  const { outcomes, connections, server } = await together(t, jobs(["ann", "bob", "eve", "joe"]), [script]);
  assert.deepEqual(brief(outcomes), [
    ["done", accepted],
    ["permanent", `${ip} does not like recipient.\nRemote host said: 550 no bob\n`],
    ["temporary", `${ip} does not like recipient.\nRemote host said: 450 grey\n`],
    ["done", accepted],
  ]);
  assert.equal(connections, 1);
  assert.equal(server.message(0), "Subject: x\r\n\r\nhi\r\n");
});

test("the same with PIPELINING, the message read piece by piece", async (t) => {
  const script = `S: 220 mx\nC: *\nRAW 250-mx\\r\\n250 PIPELINING\\r\\n\n${"C: *\n".repeat(4)}RAW 250 a\\r\\n550 b\\r\\n250 c\\r\\n354 d\\r\\n\nMESSAGE\nS: 250 taken`;
  const message = source("x\n".repeat(1000), true);
  const { outcomes, server } = await together(t, jobs(["ann", "bob"], { message }), [script]);
  assert.deepEqual(
    outcomes.map(({ fate }) => fate),
    ["permanent", "done"],
  );
  assert.equal(server.message(0), "x\r\n".repeat(1000));
});

test("other senders (VERP), other messages and other hosts share nothing", async (t) => {
  const one = (from: string, to: string): string =>
    talk(`C: MAIL FROM:<${from}>`, "S: 250 ok", ...rcpt(to), ...data, "S: 250 taken");
  const verp = jobs(["ann"], { sender: "list-ann=there.test@here.test" as Address });
  const more = jobs(["bob"], { sender: "list-bob=there.test@here.test" as Address });
  const world = await testWorld(t, {
    zone,
    hosts: { [ip]: [one("list-ann=there.test@here.test", "ann"), one("list-bob=there.test@here.test", "bob")] },
  });
  const deliver = makeDeliver(world);
  const outcomes = await Promise.all([...verp, ...more].map(deliver));
  assert.deepEqual(brief(outcomes), [
    ["done", accepted],
    ["done", accepted],
  ]);
  assert.deepEqual(world.servers.get(ip)?.complaints, []);
  const other = await together(
    t,
    [...jobs(["ann"]), ...jobs(["bob"], { queueId: 18 })],
    [one("joe@here.test", "ann"), one("joe@here.test", "bob")],
  );
  assert.equal(other.connections, 2);
});

test("control/rcpttransaction bounds a transaction, and 1 is qmail's way", async (t) => {
  const one = (...to: readonly string[]): string =>
    talk(...mail, ...to.flatMap((who) => rcpt(who)), ...data, "S: 250 taken");
  const alone = await together(t, jobs(["ann", "bob"]), [one("ann"), one("bob")], 1);
  assert.equal(alone.connections, 2);
  const pairs = await together(t, jobs(["a", "b", "c", "d", "e"]), [one("a", "b"), one("c", "d"), one("e")], 2);
  assert.equal(pairs.connections, 3);
  assert.deepEqual(
    [...alone.outcomes, ...pairs.outcomes].filter(({ fate }) => fate !== "done"),
    [],
  );
});

test("a server that has enough recipients gets the others at once in further transactions (RFC 5321 §4.5.3.1.10)", async (t) => {
  const again = (first: string, ...others: readonly string[]): readonly string[] => [
    ...mail,
    ...rcpt(first),
    ...others.flatMap((who, at) => rcpt(who, at === 0 ? "452 too many" : "552 too many")),
    ...data,
    "S: 250 taken",
  ];
  const script = talk(...again("a", "b", "c"), ...again("b", "c"), ...again("c"));
  const { outcomes, connections } = await together(t, jobs(["a", "b", "c"]), [script]);
  assert.deepEqual(brief(outcomes), [
    ["done", accepted],
    ["done", accepted],
    ["done", accepted],
  ]);
  assert.equal(connections, 1);
});

test("452 without an accepted recipient before it is a deferral, 552 a refusal, as for one recipient", async (t) => {
  const script = talk(...mail, ...rcpt("a", "452 full"), ...rcpt("b", "552 full"));
  const { outcomes } = await together(t, jobs(["a", "b"]), [script]);
  assert.deepEqual(brief(outcomes), [
    ["temporary", `${ip} does not like recipient.\nRemote host said: 452 full\nGiving up on ${ip}.\n`],
    ["permanent", `${ip} does not like recipient.\nRemote host said: 552 full\nGiving up on ${ip}.\n`],
  ]);
});

test("when DATA fails for now accepted recipients wait, refused ones bounce, and the host is met one by one from then on", async (t) => {
  const first = talk(...mail, ...rcpt("a"), ...rcpt("b", "550 no"), ...rcpt("c"), "C: DATA", "S: 451 not all", "CLOSE");
  const { outcomes, deliver, server } = await together(t, jobs(["a", "b", "c"]), [first, willing]);
  const later = `${ip} failed on DATA command.\nRemote host said: 451 not all\n`;
  assert.deepEqual(brief(outcomes), [
    ["temporary", later],
    ["permanent", `${ip} does not like recipient.\nRemote host said: 550 no\n`],
    ["temporary", later],
  ]);
  const [a, c] = jobs(["a", "c"]);
  const alone = await Promise.all([deliver(a!), deliver(c!)]);
  assert.deepEqual(brief(alone), [
    ["done", accepted],
    ["done", accepted],
  ]);
  const asked = [1, 2].map((at) =>
    server
      .commands(at)
      .filter((line) => line.startsWith("RCPT"))
      .join(),
  );
  assert.deepEqual(asked.sort(), ["RCPT TO:<a@there.test>", "RCPT TO:<c@there.test>"]);
});

test("when DATA fails for good all of them bounce", async (t) => {
  const script = talk(...mail, ...rcpt("a"), ...rcpt("b"), ...data, "S: 554 spam");
  const { outcomes } = await together(t, jobs(["a", "b"]), [script]);
  const text = `${ip} failed after I sent the message.\nRemote host said: 554 spam\n`;
  assert.deepEqual(brief(outcomes), [
    ["permanent", text],
    ["permanent", text],
  ]);
});

test("a connection lost after the dot leaves every accepted recipient uncertain, and refused ones refused [Q-189]", async (t) => {
  const script = talk(...mail, ...rcpt("a"), ...rcpt("b", "550 no"), ...rcpt("c"), ...data, "RESET");
  const { outcomes } = await together(t, jobs(["a", "b", "c"]), [script]);
  const lost = `Connected to ${ip} but connection died. Possible duplicate! (#4.4.2)\n`;
  assert.deepEqual(brief(outcomes), [
    ["temporary", lost],
    ["permanent", `${ip} does not like recipient.\nRemote host said: 550 no\n`],
    ["temporary", lost],
  ]);
});

test("recipients that were not asked about when the connection died wait with the message", async (t) => {
  const script = talk(...mail, ...rcpt("a"), "C: *", "RESET");
  const { outcomes } = await together(t, jobs(["a", "b"]), [script]);
  const died = `Connected to ${ip} but connection died. (#4.4.2)\n`;
  assert.deepEqual(brief(outcomes), [
    ["temporary", died],
    ["temporary", died],
  ]);
});

test("a recipient that only some servers take (RFC 6531) does not drag others down", async (t) => {
  const script = talk(...mail, ...rcpt("ann"), ...data, "S: 250 taken");
  const { outcomes } = await together(t, jobs(["j\xc3\xbcrgen", "ann"]), [script, script]);
  assert.deepEqual(
    outcomes.map(({ fate }) => fate),
    ["permanent", "done"],
  );
});

test("an unreadable message defers them all; a bug of ours too, and nobody waits for ever", async (t) => {
  const broken = { sizeBytes: 10, whole: null, read: () => Promise.reject(new Error("gone")) };
  const { outcomes, world } = await together(t, jobs(["a", "b"], { message: broken }), [
    talk(...mail, ...rcpt("a"), ...rcpt("b"), "C: DATA", "S: 354 go", "SOME"),
  ]);
  assert.deepEqual(
    outcomes.map(({ fate }) => fate),
    ["temporary", "temporary"],
  );
  const buggy = makeDeliver({ ...world, connect: () => Promise.reject(new Error("a bug")) });
  const later = await Promise.all(jobs(["c", "d"]).map(buggy));
  assert.deepEqual(brief(later), Array(2).fill(["temporary", "Internal error: a bug. (#4.3.0)\n"]));
});

test("who comes while the connection is being made still joins, who comes later does not", async (t) => {
  const both = talk(...mail, ...rcpt("a"), ...rcpt("b"), ...data, "S: 250 taken");
  const world = await testWorld(t, { zone, hosts: { [ip]: [both, willing] } });
  const [a, b, c] = jobs(["a", "b", "c"]);
  const reached = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const connect: typeof world.connect = async (to, timeoutMs) => {
    reached.resolve();
    await go.promise;
    return world.connect(to, timeoutMs);
  };
  const deliver = makeDeliver({ ...world, connect });
  const first = deliver(a!);
  await reached.promise;
  const second = deliver(b!);
  go.resolve();
  assert.deepEqual(brief(await Promise.all([first, second])), [
    ["done", accepted],
    ["done", accepted],
  ]);
  await deliver(c!);
  const server = world.servers.get(ip)!;
  assert.deepEqual(server.complaints, []);
  assert.equal(server.commands(0).filter((line) => line.startsWith("RCPT")).length, 2);
});
