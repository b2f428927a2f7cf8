import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { hasSyscalls } from "#files";
import { type Dial, dial, dialOrder } from "./dial.ts";
import { openListener } from "./listener.ts";

/** Dials, and says whom it reached and which complaints there were. */
async function dialled(t: TestContext, call: Omit<Dial, "failed" | "seconds"> & { seconds?: Dial["seconds"] }) {
  const complaints: string[] = [];
  const startedAt = performance.now();
  const socket = await dial({ seconds: [5, 20], ...call, failed: (ip, reason) => complaints.push(`${ip}: ${reason}`) });
  t.after(() => socket?.destroy());
  return { reached: socket?.remoteAddress ?? null, socket, complaints, tookMs: performance.now() - startedAt };
}

async function answering(t: TestContext, host: string): Promise<number> {
  const server = createServer((socket) => socket.on("error", () => {}).end());
  server.listen(0, host);
  await once(server, "listening");
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A port of 127.0.0.1 that does not answer: it listens, its backlog is full, and nobody accepts. */
async function silentPort(t: TestContext): Promise<number> {
  const listener = await openListener({ host: "127.0.0.1", port: 0, ipv6Only: false }, 1, (socket) => socket.destroy());
  assert.ok("port" in listener);
  listener.pause();
  const filling: Socket[] = [];
  t.after(() => {
    for (const socket of filling) socket.destroy();
    listener.close();
  });
  // The kernel takes one or two more than it is asked to.
  for (let i = 0; i < 8; i++) filling.push(connect(listener.port, "127.0.0.1").on("error", () => {}));
  await Promise.all(filling.slice(0, 2).map((socket) => once(socket, "connect")));
  return listener.port;
}

test("an address that refuses is told, and the next is tried [U-083]", async (t) => {
  const port = await answering(t, "127.0.0.3");
  const { reached, complaints } = await dialled(t, { addresses: ["127.0.0.2", "127.0.0.3"], port });
  assert.equal(reached, "127.0.0.3");
  assert.deepEqual(complaints, ["127.0.0.2: connection refused"]);
});

test("where IPv6 does not work the IPv4 address behind it is reached [U-086]", async (t) => {
  const port = await answering(t, "127.0.0.1");
  const { reached } = await dialled(t, { addresses: dialOrder(["127.0.0.1", "::1"]), port });
  assert.equal(reached, "127.0.0.1");
});

test("families take turns, IPv6 first, each in an order drawn anew [U-086]", () => {
  assert.deepEqual(
    dialOrder(["1.1.1.1", "2.2.2.2", "3.3.3.3", "::1"], () => 0),
    ["::1", "1.1.1.1", "2.2.2.2", "3.3.3.3"],
  );
  const falling = [3, 2, 1, 0].values();
  assert.deepEqual(
    dialOrder(["1.1.1.1", "2.2.2.2", "::1", "::2"], () => falling.next().value ?? 0),
    ["::2", "2.2.2.2", "::1", "1.1.1.1"],
  );
});

test("the local end is the one that is asked for [U-081]", async (t) => {
  const port = await answering(t, "127.0.0.1");
  const free = await answering(t, "127.0.0.9"); // Of 127.0.0.8 it is free, too.
  const { socket } = await dialled(t, { addresses: ["127.0.0.1"], port, from: "127.0.0.8", fromPort: free });
  assert.deepEqual([socket?.localAddress, socket?.localPort], ["127.0.0.8", free]);
});

test("a single address gets the time of both passes at once, one pass is all there is without the second [U-082]", {
  skip: !hasSyscalls() && "needs koffi, to leave connections in the backlog",
}, async (t) => {
  const port = await silentPort(t);
  for (const [seconds, leastMs] of [
    [[1, 1], 1990],
    [[1, 0], 990],
  ] as const) {
    const { reached, complaints, tookMs } = await dialled(t, { addresses: ["127.0.0.1"], port, seconds });
    assert.deepEqual([reached, complaints], [null, ["127.0.0.1: timed out"]]);
    assert.ok(tookMs >= leastMs && tookMs < 25_000, `${tookMs} ms`);
  }
});

test("of several addresses a silent one waits until the others were tried [U-082] [U-083]", {
  skip: !hasSyscalls() && "needs koffi, to leave connections in the backlog",
}, async (t) => {
  const port = await silentPort(t);
  const { reached, complaints } = await dialled(t, { addresses: ["127.0.0.1", "127.0.0.2"], port, seconds: [1, 1] });
  assert.deepEqual([reached, complaints], [null, ["127.0.0.2: connection refused", "127.0.0.1: timed out"]]);
});
