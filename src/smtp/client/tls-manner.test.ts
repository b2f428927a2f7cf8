import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { test } from "node:test";
import { LineWire } from "#net";
import { type Secured, tlsServer } from "#tls";
import { testHome, testIdentity } from "#tls/testing";
import { startTls, type TlsManner } from "./start-tls.ts";

/** What a server that asks for certificates learns of a client of this manner. */
async function meet(manner: TlsManner, ciphers: string): Promise<{ readonly seen: Secured; readonly kind: string }> {
  const control = {
    "servercert.pem": testIdentity("mx.test"),
    "clientca.pem": known,
    tlsserverciphers: `${ciphers}\n`,
  };
  using place = testHome(control);
  const tls = tlsServer({ home: place.home, alert: assert.fail });
  const seen = Promise.withResolvers<Secured>();
  const server = createServer(async (socket) => {
    await once(socket, "data"); // STARTTLS
    seen.resolve(
      tls.secure(() => {
        socket.write("220 ready\r\n");
        return socket;
      }),
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const upgrade = await startTls(new LineWire(socket, 20_000), "mx.test", { kind: "opportunistic" }, manner);
  const secured = await seen.promise;
  socket.destroy();
  server.close();
  return { seen: secured, kind: upgrade.kind };
}

const known = testIdentity("client.test");

test("a server that asks is shown clientcert.pem, and older versions get the ciphers of tlsclientciphers", async () => {
  const { seen } = await meet({ identity: known, ciphers: "ECDHE-ECDSA-AES128-SHA" }, "ECDHE+AES");
  assert.equal(seen.kind === "secure" ? seen.fact.clientCert?.commonName : seen.reason, "client.test");
  const { seen: plain } = await meet({ identity: null, ciphers: null }, "ECDHE+AES");
  assert.equal(plain.kind === "secure" ? plain.fact.clientCert : plain.reason, null);
});

test("a certificate or ciphers of no use fail the handshake, and nothing else", async () => {
  for (const manner of [
    { identity: "of no use", ciphers: null },
    { identity: null, ciphers: "NONSENSE" },
  ]) {
    const server = createServer((socket) => void socket.on("error", () => {}).write("220 ready\r\n")).listen(
      0,
      "127.0.0.1",
    );
    await once(server, "listening");
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    const upgrade = await startTls(new LineWire(socket, 20_000), "mx.test", { kind: "opportunistic" }, manner);
    assert.equal(upgrade.kind, "failed");
    socket.destroy();
    server.close();
  }
});
