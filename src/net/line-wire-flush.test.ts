import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { connectTcp } from "./connect.ts";
import { LineWire, WireError } from "./line-wire.ts";
import { closeServer } from "./unix.ts";

test("writing to a connection that is gone fails at once, not after the timeout", async () => {
  const server = createServer((socket) => socket.on("error", () => {}));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const socket = await connectTcp({ host: "127.0.0.1", port }, 5_000);
  assert.ok(!("kind" in socket));
  const wire = new LineWire(socket, 60_000);
  socket.destroy();
  wire.write(Buffer.alloc(1_000_000));
  const startedAt = performance.now();
  await assert.rejects(wire.flush(), WireError);
  assert.ok(performance.now() - startedAt < 5_000);
  await closeServer(server);
});
