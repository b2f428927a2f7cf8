import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { greetTls, shownName, testHome, testIdentity } from "#tls/testing";
import { serve } from "./smtpd.ts";

type Place = {
  readonly port: number;
  readonly securePort: number;
  readonly logged: readonly string[];
  lay(name: string, text: string): void;
};

/** smtpd with a certificate for mx.test on two free ports, the second one secure from the first octet on. */
async function withSmtpd(
  control: Readonly<Record<string, string>>,
  use: (place: Place) => Promise<void>,
  role = "smtp",
): Promise<void> {
  const files = {
    me: "mx.test\n",
    rcpthosts: "heaven.test\n",
    rcptcheck: "0\n",
    "servercert.pem": testIdentity("mx.test"),
  };
  using place = testHome({ ...files, ...control });
  mkdirSync(join(place.home, "queue"));
  const logged: string[] = [];
  const options = new Map(Object.entries({ listen: "127.0.0.1:0", "tls-listen": "127.0.0.1:0", role }));
  const service = await serve({ home: place.home, options, log: (line) => logged.push(line) });
  const portOf = (pattern: RegExp): number => Number(pattern.exec(logged.join("\n"))?.[1]);
  try {
    const [port, securePort] = [portOf(/listening address=\S+ port=(\d+)$/m), portOf(/port=(\d+) tls=1/)];
    await use({ port, securePort, logged, lay: place.lay });
  } finally {
    await service.close();
  }
}

/** A client that asks and gets the whole answer, without line ends' CR. */
function talker(socket: Duplex) {
  let text = "";
  let closed = false;
  let wake = (): void => {};
  socket.on("data", (piece: Buffer) => {
    text += piece.toString("latin1");
    wake();
  });
  socket.on("error", () => {}); // Its close follows.
  socket.on("close", () => {
    closed = true;
    wake();
  });
  const reply = async (): Promise<string> => {
    for (;;) {
      const end = /(?:^|\r\n)\d{3} [^\r]*\r\n/.exec(text);
      if (end !== null) {
        const got = text.slice(0, end.index + end[0].length);
        text = text.slice(got.length);
        return got.trimEnd().replaceAll("\r", "");
      }
      if (closed) return "(closed)";
      await new Promise<void>((done) => {
        wake = done;
      });
    }
  };
  const ask = (line: string): Promise<string> => {
    socket.write(`${line}\r\n`);
    return reply();
  };
  return { reply, ask };
}

/** A conversation up to EHLO inside TLS. `ahead`: octets sent in the clear together with STARTTLS. */
async function startTls(
  port: number,
  ahead = "",
  options: ConnectionOptions = {},
): Promise<{ secure: TLSSocket; talk: ReturnType<typeof talker> }> {
  const plain: Socket = connect(port, "127.0.0.1");
  const before = talker(plain);
  await before.reply();
  await before.ask("EHLO clear.test");
  assert.match(await before.ask(`STARTTLS${ahead === "" ? "" : `\r\n${ahead}`}`), /^220 2\.0\.0 ready for tls$/);
  plain.removeAllListeners("data");
  const secure = await greetTls(plain, options);
  return { secure, talk: talker(secure) };
}

test("EHLO offers STARTTLS, and no longer behind it; the session starts over [J-173] [Q-279]", async () => {
  await withSmtpd({}, async ({ port, logged }) => {
    const plain = talker(connect(port, "127.0.0.1"));
    await plain.reply();
    assert.match(await plain.ask("EHLO clear.test"), /^250-STARTTLS$/m);
    const { secure, talk } = await startTls(port);
    assert.equal(shownName(secure), "mx.test");
    // Before EHLO the client has not asked for enhanced codes: what it said in the clear is forgotten.
    assert.equal(await talk.ask("NOOP"), "250 ok");
    const hello = await talk.ask("EHLO secure.test");
    assert.ok(!hello.includes("STARTTLS"));
    assert.match(hello, /^250-PIPELINING$/m);
    assert.equal(await talk.ask("STARTTLS"), "503 5.5.1 TLS is on already (#5.5.1)");
    assert.equal(await talk.ask("QUIT"), "221 2.0.0 mx.test");
    assert.equal(await talk.reply(), "(closed)");
    assert.match(
      logged.join("\n"),
      /session id=\S+ ip=127\.0\.0\.1 helo=secure\.test .*tls=TLSv1\.3 cipher=TLS_\S+ .*end=quit/,
    );
  });
});

test("commands sent in the clear behind STARTTLS are never obeyed [J-173] [Q-279]", async () => {
  await withSmtpd({}, async ({ port }) => {
    const { talk } = await startTls(port, "MAIL FROM:<eve@evil.test>\r\nRCPT TO:<joe@heaven.test>\r\nDATA");
    assert.equal(await talk.ask("RCPT TO:<joe@heaven.test>"), "503 MAIL first (#5.5.1)");
  });
});

test("an envelope begun in the clear is gone after the handshake [Q-279]", async () => {
  await withSmtpd({}, async ({ port }) => {
    const plain: Socket = connect(port, "127.0.0.1");
    const before = talker(plain);
    await before.reply();
    await before.ask("EHLO clear.test");
    assert.equal(await before.ask("MAIL FROM:<a@b.test>"), "250 2.1.0 ok");
    await before.ask("STARTTLS");
    plain.removeAllListeners("data");
    const talk = talker(await greetTls(plain));
    assert.equal(await talk.ask("RCPT TO:<joe@heaven.test>"), "503 MAIL first (#5.5.1)");
  });
});

test("STARTTLS with a parameter is 501, without a certificate 502 and not offered, with a bad one 454", async () => {
  await withSmtpd({ "servercert.pem": "of no use\n" }, async ({ port, logged }) => {
    const talk = talker(connect(port, "127.0.0.1"));
    await talk.reply();
    await talk.ask("EHLO clear.test");
    assert.equal(await talk.ask("STARTTLS now"), "501 5.5.4 Syntax error (no parameters allowed) (#5.5.4)");
    assert.equal(await talk.ask("STARTTLS"), "454 4.3.0 TLS not available: no certificate (#4.3.0)");
    assert.ok(!(await talk.ask("EHLO clear.test")).includes("STARTTLS"));
    assert.equal(await talk.ask("STARTTLS"), "502 5.5.1 unimplemented (#5.5.1)");
    assert.match(logged.join("\n"), /^alert: smtpd: \S+servercert\.pem holds no certificate$/m);
  });
});

test("where TLS is a condition, mail in the clear is 530, by control/tlsonly and by FORCE_TLS of tcp.smtp [Q-280]", async () => {
  const refused = "530 5.7.0 STARTTLS first (#5.7.0)";
  await withSmtpd({ tlsonly: "smtp\n" }, async ({ port, securePort, lay }) => {
    const before = talker(connect(port, "127.0.0.1"));
    await before.reply();
    await before.ask("EHLO clear.test");
    assert.equal(await before.ask("MAIL FROM:<a@b.test>"), refused);
    const { talk } = await startTls(port);
    assert.equal(await talk.ask("MAIL FROM:<a@b.test>"), "250 ok");
    const inside = talker(await greetTls(connect(securePort, "127.0.0.1")));
    await inside.reply();
    assert.equal(await inside.ask("MAIL FROM:<a@b.test>"), "250 ok");
    lay("tlsonly", "submission\n");
    lay("tcp.smtp", '127.:allow,FORCE_TLS="1"\n');
    const by = talker(connect(port, "127.0.0.1"));
    await by.reply();
    await by.ask("EHLO clear.test");
    assert.equal(await by.ask("MAIL FROM:<a@b.test>"), refused);
  });
});

test("on the second port TLS comes before the greeting (RFC 8314), and what is none gets no session", async () => {
  await withSmtpd({}, async ({ securePort, logged }) => {
    const secure = await greetTls(connect(securePort, "127.0.0.1"));
    const talk = talker(secure);
    assert.equal(await talk.reply(), "220 mx.test ESMTP");
    assert.ok(!(await talk.ask("EHLO me.test")).includes("STARTTLS"));
    const plain = connect(securePort, "127.0.0.1");
    const clear = talker(plain);
    assert.equal(await clear.ask("EHLO clear.test"), "(closed)");
    assert.match(logged.join("\n"), /smtpd refuse ip=127\.0\.0\.1 reason=tls said=ERR_SSL_/);
  });
});

test("a handshake that fails ends the session with a line that says why", async () => {
  await withSmtpd({}, async ({ port, logged }) => {
    await assert.rejects(
      startTls(port, "", { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }),
    );
    const talk = talker(connect(port, "127.0.0.1"));
    await talk.reply(); // The service lives on.
    assert.match(logged.join("\n"), /smtpd tls-failed id=\S+ ip=127\.0\.0\.1 reason=ERR_SSL_UNSUPPORTED_PROTOCOL/);
    assert.match(logged.join("\n"), /session id=\S+ .*end=tls$/m);
  });
});

test("behind a load balancer the PROXY header comes in the clear, TLS after it, even in one packet", async () => {
  await withSmtpd({ proxyfrom: "127.0.0.1\n" }, async ({ securePort, logged }) => {
    const plain = connect(securePort, "127.0.0.1");
    plain.write("PROXY TCP4 198.51.100.7 192.0.2.25 40000 465\r\n");
    const talk = talker(await greetTls(plain));
    assert.equal(await talk.reply(), "220 mx.test ESMTP");
    assert.equal(await talk.ask("QUIT"), "221 mx.test");
    assert.equal(await talk.reply(), "(closed)");
    assert.match(logged.join("\n"), /session id=\S+ ip=198\.51\.100\.7 .*tls=TLSv1\.3/);
  });
});
