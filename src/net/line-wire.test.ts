import assert from "node:assert/strict";
import { connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { LineWire, WireError } from "./line-wire.ts";

/** Both ends of a loopback connection: a wire, and the bare peer. */
async function ends(t: TestContext, timeoutMs = 10_000): Promise<{ wire: LineWire; peer: Socket }> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const accepted = new Promise<Socket>((found) => server.once("connection", found));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const peer = connect(address.port, "127.0.0.1");
  const socket = await accepted;
  t.after(() => {
    socket.destroy();
    peer.destroy();
    server.close();
  });
  return { wire: new LineWire(socket, timeoutMs), peer };
}

test("lines come one by one, with or without CR, however the bytes are cut", async (t) => {
  const { wire, peer } = await ends(t);
  const text = "HELO a\r\nNOOP\nMAIL\r\r\n\r\n\x00\xff\n";
  for (const octet of Buffer.from(text, "latin1")) peer.write(Buffer.of(octet));
  const lines: (string | null)[] = [];
  for (let n = 0; n < 5; n++) lines.push(await wire.readLine(1000));
  assert.deepEqual(lines, ["HELO a", "NOOP", "MAIL\r", "", "\x00\xff"]);
});

test("output waits until input is waited for, and then goes out in one piece", async (t) => {
  const { wire, peer } = await ends(t);
  peer.write("one\ntwo\n");
  const first = await wire.readLine(100);
  wire.write("250 a\r\n");
  const second = await wire.readLine(100);
  wire.write("250 b\r\n");
  let heard = "";
  peer.on("data", (chunk) => {
    heard += chunk;
  });
  assert.deepEqual([first, second], ["one", "two"]);
  assert.equal(heard, "");
  const third = wire.readLine(100);
  while (heard === "") await new Promise((next) => setImmediate(next));
  assert.equal(heard, "250 a\r\n250 b\r\n");
  peer.end("three\n");
  assert.equal(await third, "three");
  assert.equal(await wire.readLine(100), null);
});

test("a line over the limit is an error, also one that never ends", async (t) => {
  const { wire, peer } = await ends(t);
  peer.write(`${"x".repeat(2000)}`);
  await assert.rejects(wire.readLine(1000), (error) => error instanceof WireError && error.kind === "too-long");
});

test("a silent peer is an error after the deadline, told apart from one that hung up", async (t) => {
  const { wire } = await ends(t, 30);
  await assert.rejects(wire.readLine(100), (error) => error instanceof WireError && error.kind === "timeout");
});

test("a peer that does not read stops the writer until the deadline", async (t) => {
  const { wire, peer } = await ends(t, 200);
  peer.pause();
  wire.write(Buffer.alloc(32 * 1024 * 1024));
  await assert.rejects(wire.flush(), (error) => error instanceof WireError && error.kind === "timeout");
});

test("a peer that sends faster than it is read is held back: memory stays bounded", async (t) => {
  const { wire, peer } = await ends(t);
  const chunk = Buffer.alloc(1024 * 1024, "x\n");
  let sent = 0;
  const push = (): void => {
    while (sent < 64 && peer.write(chunk)) sent++;
    sent++;
  };
  peer.on("drain", push);
  push();
  await new Promise((next) => setTimeout(next, 200));
  assert.ok(wire.unreadBytes < 4 * 1024 * 1024, `${wire.unreadBytes} bytes were read ahead`);
});

test("bytes that were too much can be given back", async (t) => {
  const { wire, peer } = await ends(t);
  peer.write("body.QUIT\r\n");
  const some = (await wire.readSome())!;
  wire.unread(some.subarray(5));
  assert.equal(await wire.readLine(100), "QUIT");
});
