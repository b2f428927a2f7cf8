import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { netstring, toBytes } from "#bytes";
import { type Address, done, type Envelope, type Origin, parseAddress, permanent } from "#mail";
import { closeServer, listenUnix } from "#net";
import { openDoor } from "./door-client.ts";
import {
  type BegunEnvelope,
  doorPath,
  dropFolder,
  parseBegin,
  parseMore,
  parseTell,
  renderEnvelope,
} from "./door-protocol.ts";
import { type DoorHouse, serveDoor } from "./door-server.ts";
import { dropMessage, parseDrop, takeDrops } from "./drop.ts";

const address = (text: string): Address => parseAddress(text)!;
const origin: Origin = { invoker: "user", uid: 1000 };
const envelope = (...to: string[]): Envelope => ({ sender: address("s@a.test"), recipients: to.map(address) });

type Got = { readonly envelope: BegunEnvelope; readonly bytes: Buffer };

function freshHome(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), "quail-door-"));
  mkdirSync(dropFolder(home), { recursive: true });
  t.after(() => rmSync(home, { recursive: true, force: true }));
  return home;
}

/** A queue that remembers what it was given, behind a real door. */
async function listen(
  t: TestContext,
  home: string,
): Promise<{ got: Got[]; aborted: () => number; stop: () => Promise<void> }> {
  const got: Got[] = [];
  let aborted = 0;
  const house: DoorHouse = {
    begin(begun) {
      const pieces: Buffer[] = [];
      return {
        write: (bytes) => void pieces.push(Buffer.from(bytes)),
        async end() {
          const bytes = Buffer.concat(pieces);
          if (bytes.includes("refuse me")) return { ...permanent("no (#5.7.1)"), queueId: null };
          got.push({ envelope: begun, bytes });
          return { ...done(), queueId: got.length };
        },
        abort: () => void aborted++,
      };
    },
  };
  const sockets = new Set<{ destroy(): void }>();
  const server = await listenUnix(doorPath(home), (socket) => {
    sockets.add(socket);
    serveDoor(socket, house);
  });
  const stop = async (): Promise<void> => {
    const closed = closeServer(server);
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  t.after(stop);
  return { got, aborted: () => aborted, stop };
}

test("many messages share one connection, each with its own answer", async (t) => {
  const home = freshHome(t);
  const queue = await listen(t, home);
  const door = openDoor(home);
  const answers = await Promise.all(
    Array.from({ length: 50 }, async (_, n) => {
      const posting = door.post(envelope(`u${n}@b.test`), origin);
      await posting.write(toBytes(n % 10 === 0 ? "refuse me" : `message ${n}\n`));
      return posting.finish();
    }),
  );
  assert.equal(answers.filter(({ fate }) => fate === "permanent").length, 5);
  assert.equal(answers.find(({ fate }) => fate === "permanent")?.text, "no (#5.7.1)");
  assert.deepEqual(
    queue.got.map(({ envelope: { recipients }, bytes }) => `${recipients[0]} ${bytes}`).sort(),
    Array.from({ length: 50 }, (_, n) => n)
      .filter((n) => n % 10 !== 0)
      .map((n) => `u${n}@b.test message ${n}\n`)
      .sort(),
  );
  await door.close();
});

test("a message of 5 MB arrives as it was sent, in pieces", async (t) => {
  const home = freshHome(t);
  const queue = await listen(t, home);
  const door = openDoor(home);
  const bytes = Buffer.from(Array.from({ length: 5_000_003 }, (_, n) => (n * 7) % 251));
  const posting = door.post(envelope("joe@b.test"), origin);
  await posting.write(bytes);
  assert.equal((await posting.finish()).fate, "done");
  assert.ok(queue.got[0]!.bytes.equals(bytes));
  await door.close();
});

test("an envelope of 100000 recipients passes in several frames", async (t) => {
  const home = freshHome(t);
  const queue = await listen(t, home);
  const door = openDoor(home);
  const to = Array.from({ length: 100_000 }, (_, n) => `recipient-number-${n}@example.test`);
  const posting = door.post(envelope(...to), origin);
  assert.equal((await posting.finish()).fate, "done");
  assert.deepEqual(queue.got[0]!.envelope.recipients, to);
  await door.close();
});

test("envelopes that pile up cut their client off; those of finished messages do not count", async (t) => {
  const home = freshHome(t);
  let queued = 0;
  const house: DoorHouse = {
    begin: () => ({ write() {}, abort() {}, end: async () => ({ ...done(), queueId: ++queued }) }),
  };
  const server = await listenUnix(doorPath(home), (socket) => serveDoor(socket, house, 10_000));
  t.after(() => closeServer(server));
  const door = openDoor(home);
  const to = Array.from({ length: 100 }, (_, n) => `recipient-${n}@example.test`);
  for (let n = 0; n < 20; n++) assert.equal((await door.post(envelope(...to), origin).finish()).fate, "done");
  const open = Array.from({ length: 10 }, () => door.post(envelope(...to), origin));
  const answers = await Promise.all(
    open.map(async (posting, n) => (n === 9 ? posting.finish() : posting.write(Buffer.alloc(1)))),
  );
  assert.deepEqual(answers[9], {
    fate: "temporary",
    text: "communication with mail server failed (#4.4.2)",
    queueId: null,
  });
  assert.equal(queued, 20);
  await door.close();
});

test("an aborted message, and one whose client goes away, are not queued", async (t) => {
  const home = freshHome(t);
  const queue = await listen(t, home);
  const door = openDoor(home);
  const dropped = door.post(envelope("joe@b.test"), origin);
  await dropped.write(toBytes("half"));
  dropped.abort();
  const other = door.post(envelope("joe@b.test"), origin);
  await other.write(toBytes("whole\n"));
  await other.finish();
  const lost = door.post(envelope("joe@b.test"), origin);
  await lost.write(toBytes("half"));
  await door.close();
  for (const deadline = performance.now() + 10_000; queue.aborted() < 2 && performance.now() < deadline; ) {
    await new Promise((next) => setTimeout(next, 2));
  }
  assert.deepEqual([queue.got.length, queue.aborted()], [1, 2]);
});

test("a shut door is a temporary answer, and the same door works once the queue is back", async (t) => {
  const home = freshHome(t);
  const door = openDoor(home);
  const posting = door.post(envelope("joe@b.test"), origin);
  await posting.write(toBytes("x\n"));
  assert.deepEqual(await posting.finish(), {
    fate: "temporary",
    text: "qq trouble making network connection (#4.3.0)",
    queueId: null,
  });
  await listen(t, home);
  const again = door.post(envelope("joe@b.test"), origin);
  await again.write(toBytes("x\n"));
  assert.equal((await again.finish()).fate, "done");
  await door.close();
});

test("classic QMQP at the same door: one package, one answer, many chunkings [Q-240]", async (t) => {
  const home = freshHome(t);
  const queue = await listen(t, home);
  const pack = netstring(
    Buffer.concat([
      netstring("Subject: q\n\nhi\n"),
      netstring("s@a.test"),
      netstring("j@b.test"),
      netstring("k@b.test"),
    ]),
  );
  const talk = (pieces: readonly Buffer[]): Promise<string> =>
    new Promise((heard, failed) => {
      const socket = connect(doorPath(home));
      let text = "";
      socket.setEncoding("latin1").on("data", (chunk: string) => {
        text += chunk;
      });
      socket.on("end", () => heard(text)).on("error", failed);
      void (async () => {
        for (const piece of pieces) {
          socket.write(piece);
          await new Promise((next) => setImmediate(next));
        }
      })();
    });
  assert.match(await talk([pack]), /^[0-9]+:Kok [0-9]+ qp 1,$/);
  assert.match(await talk([...pack].map((octet) => Buffer.of(octet))), /^[0-9]+:Kok [0-9]+ qp 2,$/);
  assert.deepEqual(
    queue.got.map(({ envelope: { sender, recipients }, bytes }) => [sender, recipients, bytes.toString()]),
    Array.from({ length: 2 }, () => ["s@a.test", ["j@b.test", "k@b.test"], "Subject: q\n\nhi\n"]),
  );
  const overlong = netstring(Buffer.concat([netstring("x"), netstring(""), netstring("a".repeat(1100))]));
  assert.match(await talk([overlong]), /:Dsorry, I can't accept addresses like that \(#5\.1\.3\),$/);
});

test("a classic client that closes its half behind the package gets its answer", async (t) => {
  const home = freshHome(t);
  await listen(t, home);
  const fields = ["Subject: q\n\nhi\n", "s@a.test", "j@b.test"].map((field) => netstring(field));
  const socket = connect({ path: doorPath(home), allowHalfOpen: true });
  let said = "";
  socket.setEncoding("latin1").on("data", (text: string) => {
    said += text;
  });
  socket.end(netstring(Buffer.concat(fields)));
  await new Promise((done) => socket.once("close", done));
  assert.match(said, /^[0-9]+:Kok [0-9]+ qp 1,$/);
});

test("who knocks and says nothing is let go, and so is a guest who falls silent; the house's own may be silent", async (t) => {
  const home = freshHome(t);
  const house: DoorHouse = { begin: () => assert.fail("no message") };
  let isGuest = true;
  const server = await listenUnix(doorPath(home), (socket) =>
    serveDoor(socket, isGuest ? { ...house, firstWordMs: 50, idleMs: 50 } : house),
  );
  const knock = (words: string) => {
    const socket = connect(doorPath(home), () => socket.write(words));
    return { socket, closed: new Promise<string>((done) => socket.once("close", () => done("let go"))) };
  };
  assert.equal(await knock("").closed, "let go");
  assert.equal(await knock("QUA").closed, "let go");
  assert.equal(await knock("QUAIL1\n").closed, "let go");
  isGuest = false;
  const own = knock("QUAIL1\n");
  await new Promise((connected) => own.socket.once("connect", connected));
  isGuest = true;
  assert.equal(await knock("").closed, "let go"); // Who came later and is silent has gone:
  assert.equal(own.socket.destroyed, false);
  own.socket.destroy();
  await closeServer(server);
});

test("envelopes survive rendering and parsing, whatever octets they hold", () => {
  const octets = fc.string({
    unit: fc.integer({ min: 1, max: 255 }).map((n) => String.fromCharCode(n)),
    maxLength: 60,
  });
  fc.assert(
    fc.property(octets, fc.array(octets, { maxLength: 30 }), fc.nat(65_535), (sender, to, uid) => {
      const [begin, ...more] = renderEnvelope(
        { sender: sender as Address, recipients: to.map(address) },
        { invoker: "bounce", uid },
      );
      const parsed = parseBegin(begin)!;
      assert.deepEqual([parsed.origin, parsed.sender], [{ invoker: "bounce", uid }, sender]);
      assert.deepEqual([...parsed.recipients, ...more.flatMap((payload) => parseMore(payload)!)], to);
    }),
  );
});

test("what a front end counts reaches the queue; nonsense among it does not", async (t) => {
  const home = freshHome(t);
  const heard: (readonly [string, number])[] = [];
  const server = await listenUnix(doorPath(home), (socket) => {
    serveDoor(socket, { begin: () => assert.fail("no message"), hear: (counters) => heard.push(...counters) });
  });
  const door = openDoor(home);
  door.tell?.({ smtp_sessions_total: 3, "a b": 1, negative: -1, half: 0.5 });
  for (const deadline = performance.now() + 10_000; heard.length === 0 && performance.now() < deadline; ) {
    await new Promise((next) => setTimeout(next, 2));
  }
  assert.deepEqual(heard, [["smtp_sessions_total", 3]]);
  await door.close();
  await closeServer(server);
  for (const bad of [
    "",
    "[",
    "null",
    "7",
    '{"x":',
    JSON.stringify(Object.fromEntries(Array.from({ length: 51 }, (_, n) => ["a".repeat(n + 1), 1]))),
  ]) {
    assert.equal(parseTell(toBytes(bad)), null, bad);
  }
});

test("no bytes make the envelope or drop parsers throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      parseBegin(Buffer.from(bytes));
      parseMore(Buffer.from(bytes));
      parseDrop(Buffer.from(bytes));
      parseTell(Buffer.from(bytes));
    }),
  );
});

test("what is dropped while the queue is down is taken in once, then gone; its owner's uid is believed, not its words", async (t) => {
  const home = freshHome(t);
  const posting = dropMessage(home, envelope("joe@b.test", "ann@b.test"), { invoker: "bounce", uid: 7 });
  await posting.write(toBytes("Subject: d\n\n"));
  await posting.write(toBytes("body\n"));
  assert.equal((await posting.finish()).fate, "done");
  assert.equal(readdirSync(dropFolder(home)).length, 1);
  const got: Got[] = [];
  const take = (answer: boolean): Promise<void> =>
    takeDrops(
      home,
      async (begun, message) => {
        got.push({ envelope: begun, bytes: message });
        return answer;
      },
      (line) => assert.fail(line),
    );
  await take(false);
  assert.equal(readdirSync(dropFolder(home)).length, 1, "kept until the queue has it");
  await take(true);
  assert.deepEqual(readdirSync(dropFolder(home)), []);
  assert.deepEqual(got[1]!.envelope, {
    origin: { invoker: "user", uid: statSync(home).uid },
    sender: "s@a.test",
    recipients: ["joe@b.test", "ann@b.test"],
  });
  assert.equal(got[1]!.bytes.toString(), "Subject: d\n\nbody\n");
});

test("half-written drop files are not taken in; they go after 36 hours, rubbish is left and named [Q-054]", async (t) => {
  const home = freshHome(t);
  const folder = dropFolder(home);
  writeFileSync(join(folder, ".young"), "half");
  writeFileSync(join(folder, ".old"), "half");
  const longAgo = Date.now() / 1000 - 129_700;
  utimesSync(join(folder, ".old"), longAgo, longAgo);
  writeFileSync(join(folder, "rubbish"), "no drop file");
  const complaints: string[] = [];
  await takeDrops(
    home,
    async () => assert.fail("nothing here is a message"),
    (line) => complaints.push(line),
  );
  assert.deepEqual(readdirSync(folder).sort(), [".young", "rubbish"]);
  assert.equal(complaints.length, 1);
  assert.match(complaints[0]!, /rubbish is no message; left alone$/);
});

test("a drop folder that cannot be written is a temporary failure", async (t) => {
  const home = freshHome(t);
  rmSync(dropFolder(home), { recursive: true });
  const posting = dropMessage(home, envelope("joe@b.test"), origin);
  await posting.write(toBytes("x"));
  assert.deepEqual(await posting.finish(), {
    fate: "temporary",
    text: "qq trouble creating files in queue (#4.3.0)",
    queueId: null,
  });
});
