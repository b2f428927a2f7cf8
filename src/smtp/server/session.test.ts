import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { duplexPair } from "node:stream";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { LineWire } from "#net";
import { loadSmtpControls, type SmtpControls } from "./controls.ts";
import { Conversation } from "./conversation.ts";
import type { House } from "./house.ts";
import * as say from "./say.ts";
import { converse } from "./session.ts";
import { makeHome, memoryQueue } from "./testing/play-chat.ts";
import { testAccounts } from "./testing/test-accounts.ts";

let home: string;
let controls: SmtpControls;

before(async () => {
  const files = {
    me: "mx.test",
    rcpthosts: "heaven.test",
    badmailfrom: "bad@evil.test",
    databytes: "60",
    timeoutsmtpd: "10",
  };
  home = await makeHome(new Map(Object.entries(files)));
  controls = loadSmtpControls(home);
});
after(() => rm(home, { recursive: true }));

const houseWith = (queue: ReturnType<typeof memoryQueue>, more: Partial<House> = {}): House => ({
  controls,
  role: "smtp",
  login: null,
  post: queue.post,
  origin: { invoker: "network", uid: 0 },
  checkRecipient: (address) => (address.startsWith("no") ? "no" : "yes"),
  isOwnAddress: () => false,
  inMoreRcptHosts: async () => false,
  readmit: null,
  tls: null,
  log: () => {},
  now: () => new Date("2026-11-22T12:34:56Z"),
  sleep: async () => {},
  ...more,
});

/** Sends these pieces to a session, ends the client's side, and gives what the server said and queued. */
async function session(pieces: readonly Buffer[]) {
  const [client, server] = duplexPair();
  const queue = memoryQueue();
  const wire = new LineWire(server, controls.timeoutMs);
  const talk = new Conversation("t", wire, houseWith(queue), new Map([["TCPREMOTEIP", "192.0.2.1"]]));
  let said = "";
  client.on("data", (chunk: Buffer) => {
    said += chunk.toString("latin1");
  });
  const closed = new Promise<void>((done) => client.once("end", done));
  const over = converse(talk).then((end) => wire.end().then(() => end));
  for (const piece of pieces) client.write(piece);
  client.end();
  const end = await over;
  await closed;
  server.destroy();
  return { said, end, queued: queue.queued, logged: talk };
}

const step = fc.constantFrom(
  "HELO client.test\r\n",
  "EHLO client.test\r\n",
  "MAIL FROM:<a@b.test>\r\n",
  "MAIL FROM:<bad@evil.test>\r\n",
  "RCPT TO:<joe@heaven.test>\r\n",
  "RCPT TO:<nobody@heaven.test>\r\n",
  "RCPT TO:<x@far.test>\n",
  "DATA\r\n",
  "MAIL FROM:<a@b.test>\r\nRCPT TO:<joe@heaven.test>\r\nDATA\r\nSubject: x\r\n\r\n..y\r\n.\r\n",
  "MAIL FROM:<a@b.test>\r\nRCPT TO:<joe@heaven.test>\r\nBDAT 4\r\nab\r\nBDAT 3 LAST\r\ncd.",
  "MAIL FROM:<a@b.test>\r\nRCPT TO:<joe@heaven.test>\r\nDATA\r\nbare\n.\r\n",
  `MAIL FROM:<a@b.test>\r\nRCPT TO:<joe@heaven.test>\r\nDATA\r\n${"too much ".repeat(20)}\r\n.\r\n`,
  "BDAT 7 LAST\r\nQUIT\r\n\n",
  "body text\r\n",
  ".\r\n",
  "\r\n",
  "\0\r\n",
  "RSET\r\n",
  "NOOP\r\n",
  "QUIT\r\n",
  `NOOP ${"x".repeat(2100)}\r\n`,
);

/** Cuts at the given distances, over and over, to the end. */
function cut(text: string, distances: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text, "latin1");
  const pieces: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const next = at + (distances[i % distances.length] ?? 1);
    // Copies: the decoder works in place.
    pieces.push(Buffer.from(bytes.subarray(at, next)));
    at = next;
  }
  return pieces;
}

test("however a conversation is cut into packets, the replies and the queue are the same [Q-042]", async () => {
  const distances = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), distances, async (steps, lengths) => {
      const text = steps.join("");
      const whole = await session([Buffer.from(text, "latin1")]);
      const pieces = await session(cut(text, lengths));
      assert.equal(pieces.said, whole.said);
      assert.equal(pieces.end, whole.end);
      assert.deepEqual(pieces.queued, whole.queued);
    }),
    { numRuns: 150 },
  );
});

test("whatever octets come, every reply is three digits and a line, and the session ends without a bug", async () => {
  const unit = fc.oneof(step, fc.string({ unit: "binary-ascii", maxLength: 30 }), fc.constant("\r\n"));
  await fc.assert(
    fc.asyncProperty(fc.array(unit, { maxLength: 12 }), async (steps) => {
      const { said, end } = await session([Buffer.from(steps.join(""), "latin1")]);
      assert.notEqual(end, "trouble");
      for (const line of said.split("\r\n").slice(0, -1)) assert.match(line, /^[2345]\d\d[ -][^\r\n]*$/);
    }),
    { numRuns: 300 },
  );
});

test("a bug in the house ends one session with 421, an alert in the log, and nothing queued", async () => {
  const [client, server] = duplexPair();
  const queue = memoryQueue();
  const logged: string[] = [];
  const house = houseWith(queue, {
    checkRecipient: () => {
      throw new Error("no such table");
    },
    log: (line) => logged.push(line),
  });
  const wire = new LineWire(server, 10_000);
  client.write("MAIL FROM:<a@b>\r\nRCPT TO:<joe@heaven.test>\r\n");
  const end = await converse(new Conversation("t", wire, house, new Map()));
  await wire.end();
  assert.equal(end, "trouble");
  assert.ok(String(client.read()).endsWith("421 internal trouble, try again later (#4.3.0)\r\n"));
  assert.match(logged[0]!, /^alert: smtpd: session t: Error: no such table/);
  assert.doesNotMatch(logged[0]!, /\n/, "one event is one line");
  client.destroy();
  server.destroy();
});

test("a door that throws is 451 qqt failure, and the session goes on", async () => {
  const [client, server] = duplexPair();
  const queue = memoryQueue();
  const house = houseWith(queue, {
    post: () => {
      throw new Error("no descriptors left");
    },
  });
  const wire = new LineWire(server, 10_000);
  client.end("MAIL FROM:<a@b>\r\nRCPT TO:<joe@heaven.test>\r\nDATA\r\nx\r\n.\r\nNOOP\r\nQUIT\r\n");
  assert.equal(await converse(new Conversation("t", wire, house, new Map())), "quit");
  await wire.end();
  const said = String(client.read()).split("\r\n");
  assert.deepEqual(said.slice(3), ["354 go ahead", "451 qqt failure (#4.3.0)", "250 ok", "221 mx.test", ""]);
  server.destroy();
});

test("a command that comes octet by octet is one wait, which begins with its first", async () => {
  const [client, server] = duplexPair();
  client.resume();
  const talk = new Conversation("t", new LineWire(server, 10_000), houseWith(memoryQueue()), new Map());
  const over = converse(talk);
  const turn = (): Promise<void> => new Promise((done) => setTimeout(done, 5));
  await turn();
  const began = talk.waitingSince;
  assert.ok(began !== null);
  for (const octet of "NOOP") {
    client.write(octet);
    await turn();
    assert.equal(talk.waitingSince, began);
  }
  client.write("\r\n");
  await turn();
  assert.ok(talk.waitingSince !== null && talk.waitingSince > began, "the next command is another wait");
  client.write("QUIT\r\n");
  assert.equal(await over, "quit");
  assert.equal(talk.waitingSince, null);
  client.destroy();
  server.destroy();
});

test("a session told to end while it works answers its command first", async () => {
  const [client, server] = duplexPair();
  const queue = memoryQueue();
  let talk: Conversation | null = null;
  const house = houseWith(queue, {
    checkRecipient: async () => {
      talk?.hangUp(say.shuttingDown, "shutdown");
      return "yes" as const;
    },
  });
  const wire = new LineWire(server, 10_000);
  talk = new Conversation("t", wire, house, new Map());
  client.write("MAIL FROM:<a@b>\r\nRCPT TO:<joe@heaven.test>\r\nNOOP\r\n");
  assert.equal(await converse(talk), "shutdown");
  await wire.end();
  const said = String(client.read()).split("\r\n");
  assert.deepEqual(said.slice(2), ["250 ok", "421 service is shutting down, try again later (#4.3.2)", ""]);
  client.destroy();
  server.destroy();
});

test("tarpitting starts after the count, and never for who has logged in [J-011]", async () => {
  const slow = { ...controls, tarpitCount: 2, tarpitDelayMs: 5_000, authClear: "yes", smtpAuth: true } as const;
  const delays: number[] = [];
  const play = async (login: readonly string[]): Promise<number> => {
    const [client, server] = duplexPair();
    client.resume();
    const house = houseWith(memoryQueue(), {
      controls: slow,
      login: testAccounts(new Map([["joe", "secret"]]), home),
      sleep: async (ms) => void delays.push(ms),
    });
    const wire = new LineWire(server, slow.timeoutMs);
    const talk = new Conversation("t", wire, house, new Map([["TCPREMOTEIP", "192.0.2.1"]]));
    const over = converse(talk).then(() => wire.end());
    client.end(
      [...login, "MAIL FROM:<joe@mx.test>", ...Array(5).fill("RCPT TO:<a@heaven.test>"), "QUIT", ""].join("\r\n"),
    );
    await over;
    return delays.splice(0).length;
  };
  assert.equal(await play([]), 3);
  assert.equal(await play([`AUTH PLAIN ${Buffer.from("\0joe\0secret").toString("base64")}`]), 0);
});
