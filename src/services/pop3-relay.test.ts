import assert from "node:assert/strict";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { parseQuestion, renderQuestion } from "./auth-frames.ts";
import { relay } from "./pop3-relay.ts";

/** Both ends of a connection on loopback. */
async function pair(): Promise<readonly [Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true });
  const ends = await new Promise<readonly [Socket, Socket]>((done) => {
    server.listen(0, "127.0.0.1", () => {
      const at = server.address();
      const near = connect({
        port: typeof at === "object" ? (at?.port ?? 0) : 0,
        host: "127.0.0.1",
        allowHalfOpen: true,
      });
      server.once("connection", (far) => done([near, far]));
    });
  });
  server.close();
  for (const end of ends) end.on("error", () => {});
  return ends;
}

const closed = (socket: Socket): Promise<void> => new Promise((done) => void socket.once("close", () => done()));

test("octets pass both ways, ends too, and are counted; a slow reader loses none", async () => {
  const [[user, client], [worker, service]] = await Promise.all([pair(), pair()]);
  const relayed = relay(client, worker);
  const big = Buffer.alloc(3_000_000, "x");
  service.on("data", () => {});
  service.once("end", () => service.end(big));
  user.end("RETR 1\r\n");
  let got = 0;
  for await (const piece of user as AsyncIterable<Buffer>) {
    got += piece.length;
    await new Promise((soon) => setImmediate(soon));
  }
  assert.equal(got, big.length);
  assert.deepEqual(await relayed, { fromClient: 8, toClient: big.length });
});

test("a client that goes takes its worker's connection along", async () => {
  const [[user, client], [worker, service]] = await Promise.all([pair(), pair()]);
  const relayed = relay(client, worker);
  service.resume();
  const ended = new Promise((done) => service.once("end", done));
  user.resetAndDestroy();
  await Promise.all([relayed, ended]);
  service.destroy();
});

test("who has gone before it begins is no reason to wait", async () => {
  const [[user, client], [worker, service]] = await Promise.all([pair(), pair()]);
  service.resume();
  service.once("end", () => service.end());
  client.destroy();
  await closed(client);
  assert.deepEqual(await relay(client, worker), { fromClient: 0, toClient: 0 });
  const [[other, second], [late, last]] = await Promise.all([pair(), pair()]);
  late.destroy();
  await closed(late);
  other.resume();
  other.once("end", () => other.end());
  await relay(second, late);
  for (const socket of [user, other, last, service]) socket.destroy();
});

test("a question about a login comes across as it was; anything else is none", () => {
  const field = fc.string({ unit: fc.nat({ max: 254 }).map((n) => String.fromCharCode(n + 1)), maxLength: 50 });
  const facts = { login: field, secret: field, timestamp: field, ip: field, session: field };
  const question = fc.record({ ...facts, isSecure: fc.boolean(), isDoubtful: fc.boolean() }, { noNullPrototype: true });
  fc.assert(fc.property(question, (one) => assert.deepEqual(parseQuestion(renderQuestion(one)), one)));
  for (const bad of ["", "a\0b", "\0".repeat(5), "\0".repeat(7), "x".repeat(10_000)]) {
    assert.equal(parseQuestion(Buffer.from(bad)), null);
  }
});
