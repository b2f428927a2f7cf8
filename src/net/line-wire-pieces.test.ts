import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { LineWire } from "./line-wire.ts";

test("octets that arrive one by one while nobody reads are kept, in order", async () => {
  const [client, server] = duplexPair();
  const wire = new LineWire(server, 10_000);
  for (let i = 0; i < 5_000; i++) {
    client.write(Buffer.from([i % 251]));
    if (i % 100 === 0) await nextTurn();
  }
  let have = Buffer.alloc(0);
  while (have.length < 5_000) have = Buffer.concat([have, (await wire.readSome()) ?? assert.fail("the wire ended")]);
  assert.deepEqual(have, Buffer.from(Array.from({ length: 5_000 }, (_, i) => i % 251)));
  client.destroy();
  server.destroy();
});
