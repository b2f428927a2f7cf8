import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import type { Origin } from "#mail";
import type { DoorAnswer } from "#qmtp";
import { originOf } from "./origin.ts";
import { QueueEnvelopeReader } from "./queue-envelope.ts";
import { queueProgram } from "./queue-program.ts";
import { brokenStream, type CallFacts, callFor, memoryPoster } from "./testing.ts";

const origin: Origin = { invoker: "user", uid: 1000 };

/** Runs qmail-queue with a message and an envelope. */
async function run(stdin: CallFacts["stdin"], envelope: string | Readable | null, answer?: DoorAnswer) {
  const queue = memoryPoster(answer);
  const second = typeof envelope === "string" ? Readable.from([Buffer.from(envelope, "latin1")]) : envelope;
  const inputs = new Map(second === null ? [] : [[1, second]]);
  const { call, stdout, stderr } = callFor({ name: "qmail-queue", inputs, ...(stdin !== undefined && { stdin }) });
  const code = await queueProgram(call, async () => queue.poster, origin);
  assert.equal(stdout() + stderr(), "", "it never prints");
  return { code, posted: queue.posted };
}

test("a message and its envelope are queued, exit 0, and nothing is printed [Q-047]", async () => {
  const { code, posted } = await run("Subject: x\n\nno last LF", "Fs@s.s\0Tr@r.r\0Tr2@r.r\0\0");
  assert.equal(code, 0);
  assert.deepEqual(posted, [
    { envelope: { sender: "s@s.s", recipients: ["r@r.r", "r2@r.r"] }, origin, message: "Subject: x\n\nno last LF" },
  ]);
  const bounce = await run("", "F\0\0");
  assert.deepEqual([bounce.code, bounce.posted[0]?.envelope], [0, { sender: "", recipients: [] }]);
});

test("an envelope that is cut short queues nothing, exit 54 [Q-048]", async () => {
  const whole = "Fs@s.s\0Tr@r.r\0\0";
  for (let length = 0; length < whole.length; length++) {
    const { code, posted } = await run("x\n", whole.slice(0, length));
    assert.equal(code, 54, `after ${length} bytes`);
    assert.deepEqual(posted, []);
  }
  assert.equal((await run("x\n", null)).code, 54, "no descriptor 1 at all");
  assert.equal((await run(brokenStream("x"), whole)).code, 54);
  assert.equal((await run("x\n", brokenStream("Fs@s.s\0"))).code, 54);
});

test("an address of 1002 bytes is taken, one of 1003 is exit 11 [Q-049]", async () => {
  const long = (bytes: number) => `${"x".repeat(bytes - 4)}@a.b`;
  assert.equal((await run("", `F${long(1002)}\0T${long(1002)}\0\0`)).code, 0);
  assert.equal((await run("", `F${long(1003)}\0Ta@b\0\0`)).code, 11);
  assert.equal((await run("", `Fa@b\0T${long(1003)}\0\0`)).code, 11);
  assert.equal((await run("", `Fa@b\0T${"x".repeat(5000)}`)).code, 11, "known before its end is");
});

test("an envelope that does not begin with F, or has junk for T, is exit 91 [Q-050]", async () => {
  for (const envelope of ["Ts\0Tr\0\0", "\0\0", "fs\0Tr\0\0", "Fs\0Fr\0\0", "Fs\0Tr\0x\0\0", "x", "Fs\0x"]) {
    assert.equal((await run("", envelope)).code, 91, JSON.stringify(envelope));
  }
});

test("what follows the last NUL is neither waited for nor looked at", async () => {
  const open = new Readable({ read() {} });
  open.push(Buffer.from("Fs\0Tr\0\0junk"));
  assert.equal((await run("x\n", open)).code, 0);
  open.destroy();
});

test("the queue's answers become qmail-queue's exit codes", async () => {
  const rows: [DoorAnswer["fate"], string, number][] = [
    ["temporary", "qq write error or disk full (#4.3.0)", 53],
    ["temporary", "communication with mail server failed (#4.4.2)", 74],
    ["temporary", "qq trouble creating files in queue (#4.3.0)", 62],
    ["temporary", "our filter is busy", 71],
    ["permanent", "envelope address too long for qq (#5.1.3)", 11],
    ["permanent", "we know this virus", 31],
  ];
  for (const [fate, text, code] of rows) {
    assert.equal((await run("", "Fs\0\0", { fate, text, queueId: null })).code, code, text);
  }
});

test("a surprise is exit 81 and silence", async () => {
  const inputs = new Map([[1, Readable.from([Buffer.from("Fs\0\0")])]]);
  const { call, stderr } = callFor({ inputs });
  assert.equal(await queueProgram(call, () => Promise.reject(new Error("bug")), origin), 81);
  assert.equal(stderr(), "");
});

test("role accounts are told from users by their uid [Q-051]", () => {
  const passwd =
    "root:x:0:0::/root:/bin/sh\nalias:x:200:1::/:\nqmaild:x:201:1::/:\nqmails:x:202:1::/:\njoe:x:1000:1::/:\n";
  assert.deepEqual(originOf(200, passwd), { invoker: "alias", uid: 200 });
  assert.deepEqual(originOf(201, passwd), { invoker: "network", uid: 201 });
  assert.deepEqual(originOf(202, passwd), { invoker: "bounce", uid: 202 });
  assert.deepEqual(originOf(1000, passwd), { invoker: "user", uid: 1000 });
  assert.deepEqual(originOf(20, passwd), { invoker: "user", uid: 20 });
});

test("how an envelope's bytes are cut into pieces makes no difference", () => {
  const unit = fc.constantFrom("F", "T", "\0", "a", "@", "\u00ff");
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 30 }), (text) => {
      const bytes = Buffer.from(text, "latin1");
      const whole = new QueueEnvelopeReader(5);
      const pieces = new QueueEnvelopeReader(5);
      let found = null;
      for (const byte of bytes) found ??= pieces.push(Buffer.of(byte));
      assert.deepEqual(found ?? pieces.end(), whole.push(bytes) ?? whole.end());
    }),
    { numRuns: 1000 },
  );
});
