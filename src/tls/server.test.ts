import assert from "node:assert/strict";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { duplexPair } from "node:stream";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { renewTicketKeys, type Secured, type TlsServer, type TlsServerOptions, tlsServer } from "./index.ts";
import { greetTls, shownName, testHome, testIdentity, ticketOf } from "./testing/index.ts";

type Stage = {
  readonly tls: TlsServer;
  readonly alerts: string[];
  /** A plain connection whose other end is being secured, and what becomes of it. */
  readonly dial: () => Promise<{ readonly client: Socket; readonly secured: Promise<Secured> }>;
};

/** A listener on a free port that makes every connection secure. */
async function onStage(
  home: string,
  use: (stage: Stage) => Promise<void>,
  more: Partial<TlsServerOptions> = {},
): Promise<void> {
  const alerts: string[] = [];
  const tls = tlsServer({ home, alert: (problem) => alerts.push(problem), ...more });
  const sockets: Socket[] = [];
  const waiting: ((secured: Promise<Secured>) => void)[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    waiting.shift()?.(tls.secure(() => socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const dial: Stage["dial"] = () =>
    new Promise((done) => {
      waiting.push((secured) => done({ client, secured }));
      const client = connect(port, "127.0.0.1");
      client.on("error", () => {}); // The test looks at what the server says.
      sockets.push(client);
    });
  try {
    await use({ tls, alerts, dial });
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

/** The server's side of a handshake that went well. */
async function secureSide(secured: Promise<Secured>): Promise<Extract<Secured, { kind: "secure" }>> {
  const result = await secured;
  assert.equal(result.kind, "secure");
  return result as Extract<Secured, { kind: "secure" }>;
}

test("a connection becomes secure with servercert.pem, and both sides know the same of it", async () => {
  using place = testHome({ "servercert.pem": testIdentity("mx.test") });
  await onStage(place.home, async ({ tls, dial }) => {
    assert.equal(tls.isOffered(), true);
    const { client, secured } = await dial();
    const [socket, { fact }] = await Promise.all([greetTls(client, { servername: "MX.test" }), secureSide(secured)]);
    assert.equal(shownName(socket), "mx.test");
    assert.equal(fact.version, "TLSv1.3");
    assert.equal(fact.cipher, socket.getCipher().name);
    assert.equal(fact.sni, "mx.test");
    assert.equal(fact.clientCert, null);
    const label = "EXPORTER-Channel-Binding";
    assert.deepEqual(fact.exportKey(label, 32), socket.exportKeyingMaterial(32, label, Buffer.alloc(0)));
    assert.deepEqual(fact.ownCertificate(), socket.getPeerX509Certificate()?.raw);
  });
});

test("TLS 1.2 is spoken, 1.1 is refused; with tlsmin 1.3 so is 1.2 [J-174]", async () => {
  using place = testHome({ "servercert.pem": testIdentity("mx.test") });
  await onStage(place.home, async ({ dial }) => {
    const { client, secured } = await dial();
    const [, { fact }] = await Promise.all([greetTls(client, { maxVersion: "TLSv1.2" }), secureSide(secured)]);
    assert.equal(fact.version, "TLSv1.2");
    assert.match(fact.cipher, /^ECDHE-ECDSA-(AES(128|256)-GCM|CHACHA20)/);
    const old = await dial();
    const oldest = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    await assert.rejects(greetTls(old.client, oldest));
    assert.deepEqual(await old.secured, { kind: "failed", reason: "ERR_SSL_UNSUPPORTED_PROTOCOL" });
  });
  place.lay("tlsmin", "1.3\n");
  await onStage(place.home, async ({ dial }) => {
    const { client, secured } = await dial();
    await assert.rejects(greetTls(client, { maxVersion: "TLSv1.2" }));
    assert.equal((await secured).kind, "failed");
  });
});

test("a weak cipher is refused unless tlsserverciphers lets it in, and TLS 1.3 stays either way", async () => {
  using place = testHome({ "servercert.pem": testIdentity("mx.test") });
  const weak = { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA" } as const;
  await onStage(place.home, async ({ dial }) => {
    const { client, secured } = await dial();
    await assert.rejects(greetTls(client, weak));
    assert.deepEqual(await secured, { kind: "failed", reason: "ERR_SSL_NO_SHARED_CIPHER" });
  });
  place.lay("tlsserverciphers", "ECDHE-ECDSA-AES128-SHA\n");
  await onStage(place.home, async ({ dial }) => {
    const first = await dial();
    const [, { fact }] = await Promise.all([greetTls(first.client, weak), secureSide(first.secured)]);
    assert.equal(fact.cipher, "ECDHE-ECDSA-AES128-SHA");
    const second = await dial();
    const [, later] = await Promise.all([greetTls(second.client), secureSide(second.secured)]);
    assert.equal(later.fact.version, "TLSv1.3");
  });
});

test("the name a client asks for picks the certificate: its own file, one for any label, else the common one [J-174]", async () => {
  using place = testHome({
    me: "mx.test\n",
    "servercert.pem": testIdentity("classic.test"),
    "certs/one.test.pem": testIdentity("one.test"),
    "certs/_.two.test.pem": testIdentity("*.two.test"),
  });
  await onStage(place.home, async ({ dial }) => {
    const shown = async (servername?: string): Promise<string> => {
      const { client, secured } = await dial();
      const [socket] = await Promise.all([
        greetTls(client, servername === undefined ? {} : { servername }),
        secureSide(secured),
      ]);
      return shownName(socket);
    };
    assert.equal(await shown("one.test"), "one.test");
    assert.equal(await shown("ONE.test"), "one.test");
    assert.equal(await shown("a.two.test"), "*.two.test");
    assert.equal(await shown("a.b.two.test"), "classic.test");
    assert.equal(await shown("two.test"), "classic.test");
    assert.equal(await shown("..%2f..%2fservercert"), "classic.test");
    assert.equal(await shown(), "classic.test");
    place.lay("certs/mx.test.pem", testIdentity("mx.test"));
    await sleep(1_100); // Files are looked at once a second.
    assert.equal(await shown(), "mx.test", "control/me's own certificate goes before servercert.pem");
  });
});

test("a new certificate is used by the next handshake; sessions under way go on; a broken one changes nothing [J-174]", async () => {
  using place = testHome({ "servercert.pem": testIdentity("old.test") });
  await onStage(place.home, async ({ alerts, dial }) => {
    const meet = async (): Promise<{ readonly there: TLSSocket; readonly here: TLSSocket }> => {
      const { client, secured } = await dial();
      const [there, { socket: here }] = await Promise.all([greetTls(client), secureSide(secured)]);
      return { there, here };
    };
    const before = await meet();
    assert.equal(shownName(before.there), "old.test");
    place.lay("servercert.pem", testIdentity("new.test"));
    await sleep(1_100);
    assert.equal(shownName((await meet()).there), "new.test");
    before.here.write("still here");
    assert.equal(String((await once(before.there, "data"))[0]), "still here");
    place.lay("servercert.pem", "-----BEGIN NONSENSE-----\n");
    await sleep(1_100);
    assert.equal(shownName((await meet()).there), "new.test");
    await meet();
    assert.deepEqual(alerts, [`${join(place.home, "control/servercert.pem")} holds no certificate`]);
  });
});

test("without a certificate, or with one that is of no use, TLS is not offered; and it is once there is one", async () => {
  using place = testHome({ me: "mx.test\n" });
  const alerts: string[] = [];
  const tls = tlsServer({ home: place.home, alert: (problem) => alerts.push(problem) });
  const never = (): never => assert.fail("nobody may be told to go ahead");
  assert.equal(tls.isOffered(), false);
  assert.deepEqual(await tls.secure(never), { kind: "unavailable", reason: "no certificate" });
  place.lay("servercert.pem", "nothing of use\n");
  await sleep(1_100);
  assert.equal(tls.isOffered(), true, "nobody has read it yet");
  assert.equal((await tls.secure(never)).kind, "unavailable");
  assert.equal(tls.isOffered(), false);
  assert.equal(alerts.length, 1);
  place.lay("servercert.pem", testIdentity("mx.test"));
  await sleep(1_100);
  assert.equal(tls.isOffered(), true);
  rmSync(join(place.home, "control/servercert.pem"));
  await sleep(1_100);
  assert.equal(tls.isOffered(), false);
});

test("a client that does not finish its handshake is cut off [U-116]", async () => {
  using place = testHome({ "servercert.pem": testIdentity("mx.test") });
  await onStage(
    place.home,
    async ({ dial }) => {
      const slow = await dial();
      const closed = once(slow.client.resume(), "close");
      assert.deepEqual(await slow.secured, { kind: "failed", reason: "timeout" });
      await closed;
    },
    { handshakeMs: 200 },
  );
});

test("no more handshakes than allowed are under way at once, and one that is over makes room", async () => {
  using place = testHome({ "servercert.pem": testIdentity("mx.test") });
  await onStage(
    place.home,
    async ({ dial }) => {
      const slow = await dial();
      await import("node:tls"); // What the server waits for, too; it was asked first.
      await new Promise(setImmediate);
      assert.deepEqual(await (await dial()).secured, { kind: "unavailable", reason: "too many handshakes at once" });
      slow.client.destroy();
      assert.equal((await slow.secured).kind, "failed");
      const { client, secured } = await dial();
      await Promise.all([greetTls(client), secureSide(secured)]);
    },
    { maxHandshakes: 1 },
  );
});

test("what is no TLS ends the connection, and a peer that goes in the middle is no trouble", async () => {
  using place = testHome({ "servercert.pem": testIdentity("mx.test") });
  await onStage(place.home, async ({ dial }) => {
    const talker = await dial();
    talker.client.write("EHLO there\r\n");
    assert.deepEqual(await talker.secured, { kind: "failed", reason: "ERR_SSL_WRONG_VERSION_NUMBER" });
    const goer = await dial();
    goer.client.destroy();
    assert.equal((await goer.secured).kind, "failed");
  });
});

test("processes with the same ticket keys resume each other's sessions, and new keys end that", async () => {
  using place = testHome({ "servercert.pem": testIdentity("mx.test") });
  await renewTicketKeys(place.home);
  const session = async (dial: Stage["dial"], ticket?: Buffer): Promise<{ ticket: Buffer; isResumed: boolean }> => {
    const { client, secured } = await dial();
    const [socket, { socket: ours, fact }] = await Promise.all([
      greetTls(client, ticket === undefined ? {} : { session: ticket }),
      secureSide(secured),
    ]);
    ours.write("+"); // Tickets of TLS 1.3 go before it.
    socket.resume();
    return { ticket: ticket ?? (await ticketOf(socket)), isResumed: fact.isResumed };
  };
  const first = await new Promise<Buffer>((done, failed) => {
    onStage(place.home, async ({ dial }) => done((await session(dial)).ticket)).catch(failed);
  });
  await onStage(place.home, async ({ dial }) => {
    assert.equal((await session(dial, first)).isResumed, true);
    await renewTicketKeys(place.home);
    await sleep(1_100);
    assert.equal((await session(dial, first)).isResumed, false);
  });
});

test("a client with a certificate of clientca.pem is known by its addresses; a stranger's counts for nothing", async () => {
  const [joe, stranger] = [testIdentity("joe.test"), testIdentity("stranger.test")];
  using place = testHome({ "servercert.pem": testIdentity("mx.test"), "clientca.pem": joe });
  await onStage(place.home, async ({ dial }) => {
    const meet = async (pem?: string) => {
      const { client, secured } = await dial();
      const [, { fact }] = await Promise.all([
        greetTls(client, pem === undefined ? {} : { cert: pem, key: pem }),
        secureSide(secured),
      ]);
      return fact.clientCert;
    };
    assert.equal((await meet(joe))?.commonName, "joe.test");
    assert.equal(await meet(stranger), null);
    assert.equal(await meet(), null);
  });
});

test("a protocol named by the client must be ours, where we have one (RFC 7301)", async () => {
  using place = testHome({ "servercert.pem": testIdentity("mx.test") });
  await onStage(
    place.home,
    async ({ dial }) => {
      const pop = await dial();
      const [socket] = await Promise.all([greetTls(pop.client, { ALPNProtocols: ["pop3"] }), secureSide(pop.secured)]);
      assert.equal(socket.alpnProtocol, "pop3");
      const web = await dial();
      await assert.rejects(greetTls(web.client, { ALPNProtocols: ["http/1.1"] }));
      assert.equal((await web.secured).kind, "failed");
      const plain = await dial();
      await Promise.all([greetTls(plain.client), secureSide(plain.secured)]);
    },
    { alpn: "pop3" },
  );
});

test("TLS goes over any two-way stream, such as a program's standard input and output", async () => {
  using place = testHome({ "servercert.pem": testIdentity("mx.test") });
  const tls = tlsServer({ home: place.home, alert: assert.fail });
  const [ours, theirs] = duplexPair();
  const [socket, { socket: here }] = await Promise.all([greetTls(theirs), secureSide(tls.secure(() => ours))]);
  here.write("220 mx.test\r\n");
  assert.equal(String((await once(socket, "data"))[0]), "220 mx.test\r\n");
  socket.destroy();
  here.destroy();
});
