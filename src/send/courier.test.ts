import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { type Address, type DeliveryJob, done, type MessageSource, type Outcome, permanent, temporary } from "#mail";
import { closeServer, connectUnix, listenUnix } from "#net";
import { parsePull, renderPull } from "./courier/protocol.ts";
import { serveCourier } from "./courier/serve-courier.ts";
import { type CourierLink, linkCourier } from "./courier-link.ts";

/** A source whose bytes say where they are, small or large. */
function source(sizeBytes: number, inline: boolean): MessageSource {
  const bytes = Buffer.from(Array.from({ length: sizeBytes }, (_, n) => (n * 31) % 256));
  return {
    sizeBytes,
    whole: inline ? bytes : null,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
  };
}

const job = (message: MessageSource): DeliveryJob => ({
  queueId: 7,
  bornAtMs: 1_700_000_000_000,
  index: 2,
  sender: "s\xe9@a.test" as Address,
  recipient: "joe@b.test" as Address,
  again: true,
  awaited: true,
  route: { user: "joe", uid: 1, gid: 2, home: "/home/j\xe9", dash: "-", ext: "list" },
  message,
});

/** A scheduler's end and a courier's end of one Unix socket. */
async function pair(
  t: TestContext,
  deliver: (given: DeliveryJob) => Promise<Outcome>,
  ceiling = 5,
): Promise<{ link: CourierLink; courier: Socket }> {
  const folder = mkdtempSync(join(tmpdir(), "quail-courier-"));
  let courier: Socket | undefined;
  const server = await listenUnix(join(folder, "s"), (socket) => {
    courier = socket;
    serveCourier(socket, deliver, ceiling);
  });
  const socket = await connectUnix(join(folder, "s"));
  assert.ok("write" in socket);
  let changed: () => void = () => {};
  const link = linkCourier(socket, () => changed());
  t.after(async () => {
    socket.destroy();
    await closeServer(server);
    rmSync(folder, { recursive: true });
  });
  if (link.ceiling() === 0) {
    await new Promise<void>((known) => {
      changed = known;
    });
  }
  return { link, courier: courier! };
}

test("a job crosses the line whole, and its outcome comes back", async (t) => {
  const given: DeliveryJob[] = [];
  const { link } = await pair(t, async (one) => {
    given.push(one);
    return done("did 1+0+0\n");
  });
  assert.equal(link.ceiling(), 5);
  const sent = job(source(10_000, true));
  assert.deepEqual(await link.deliver(sent), { fate: "done", text: "did 1+0+0\n" });
  const { message, ...rest } = given[0]!;
  const { message: _, ...wanted } = sent;
  assert.deepEqual(rest, wanted);
  assert.ok(message.whole?.equals(sent.message.whole!));
});

test("a large message is pulled part by part, at any offset, more than once", async (t) => {
  const large = source(700_001, false);
  const { link } = await pair(t, async ({ message }) => {
    const again = await message.read(699_990, 100);
    const parts: Buffer[] = [];
    for (let at = 0; at < message.sizeBytes; at += 256 * 1024) parts.push(await message.read(at, 256 * 1024));
    const same = Buffer.concat(parts).equals(await large.read(0, 700_001)) && again.length === 11;
    return same ? done("same\n") : permanent("different\n");
  });
  assert.deepEqual(await link.deliver(job(large)), { fate: "done", text: "same\n" });
});

test("a message that cannot be read any more defers its own delivery and cuts no other off", async (t) => {
  const { link } = await pair(t, async ({ message }) => {
    const parts: number[] = [];
    for (let at = 0; at < message.sizeBytes; at += 200_000) parts.push((await message.read(at, 200_000)).length);
    return done(`${parts.length} parts\n`);
  });
  const gone: MessageSource = { sizeBytes: 400_000, whole: null, read: () => Promise.reject(new Error("ENOENT")) };
  const [bad, good] = await Promise.all([link.deliver(job(gone)), link.deliver(job(source(400_000, false)))]);
  assert.ok(typeof bad === "object" && bad.fate === "temporary");
  assert.deepEqual(good, { fate: "done", text: "2 parts\n" });
  assert.equal(link.closed(), false);
});

test("a delivery that throws is temporary, never a bounce", async (t) => {
  const { link } = await pair(t, async () => {
    throw new Error("a bug of ours");
  });
  const result = await link.deliver(job(source(1, true)));
  assert.ok(typeof result === "object" && result.fate === "temporary");
});

test("an outcome about the whole host keeps its scope", async (t) => {
  const { link } = await pair(t, async () => ({ ...temporary("no connection\n"), scope: "host" as const }));
  assert.deepEqual(await link.deliver(job(source(1, true))), {
    fate: "temporary",
    text: "no connection\n",
    scope: "host",
  });
});

test("a report longer than 10000 bytes is cut, and the link goes on [Q-084]", async (t) => {
  const { link } = await pair(t, async () => done("x".repeat(50_000)));
  const result = await link.deliver(job(source(1, true)));
  assert.ok(typeof result === "object");
  assert.equal(result.text.length, 10_000);
  assert.equal(link.closed(), false);
});

test("when a courier dies its deliveries are lost, each of them told", async (t) => {
  const { link, courier } = await pair(t, () => new Promise(() => {}));
  const results = [link.deliver(job(source(1, true))), link.deliver(job(source(300_000, false)))];
  setImmediate(() => courier.destroy());
  assert.deepEqual(await Promise.all(results), ["lost", "lost"]);
  assert.equal(link.ceiling(), 0);
  assert.equal(await link.deliver(job(source(1, true))), "lost");
});

test("a courier that sends rubbish is answered with mangled or cut off, and nothing hangs [Q-084]", async (t) => {
  const { link, courier } = await pair(t, () => new Promise(() => {}));
  const result = link.deliver(job(source(1, true)));
  const frame = Buffer.from("\0\0\0\x03\x05\0\0\0\x01???", "latin1");
  courier.write(frame);
  assert.equal(await result, "mangled");
  const second = link.deliver(job(source(1, true)));
  courier.write(Buffer.from("\xff\xff\xff\xff\x05\0\0\0\x02", "latin1"));
  assert.equal(await second, "lost");
});

test("pull requests survive their encoding beyond 4 GiB, and too large ones are refused", () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 40 }), fc.nat({ max: 256 * 1024 }), (offset, length) => {
      assert.deepEqual(parsePull(renderPull(offset, length)), { offset, length });
    }),
  );
  assert.equal(parsePull(renderPull(0, 256 * 1024 + 1)), null);
  assert.equal(parsePull(Buffer.alloc(3)), null);
});
