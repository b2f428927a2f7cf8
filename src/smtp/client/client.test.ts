import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { connectTcp, LineWire, WireError } from "#net";
import { authenticate } from "./authenticate.ts";
import { BodyEncoder } from "./body-encoder.ts";
import { type Opened, type OpenOptions, openSession } from "./open-session.ts";
import { readReply } from "./reply.ts";
import type { OutgoingMail, SendResult } from "./session.ts";
import { makeTestTls, type ScriptedServer, startScripted } from "./testing/index.ts";

const options: OpenOptions = {
  helo: "me.test",
  timeoutMs: 10_000,
  tls: { kind: "opportunistic" },
  host: "mx.test",
  credentials: null,
};

async function open(server: ScriptedServer, change: Partial<OpenOptions> = {}): Promise<Opened> {
  const socket = await connectTcp({ host: "127.0.0.1", port: server.port }, 5_000);
  assert.ok(!("kind" in socket));
  return openSession(socket, { ...options, ...change });
}

function mail(text: string | readonly string[], change: Partial<OutgoingMail> = {}): OutgoingMail {
  const pieces = [text].flat().map((piece) => Buffer.from(piece, "latin1"));
  const sizeBytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return {
    sender: "joe@here.test",
    recipients: ["ann@there.test"],
    body: { sizeBytes, eightBit: false, pieces: () => pieces },
    ...change,
  };
}

/** Opens, sends, says goodbye. */
async function sendOne(server: ScriptedServer, outgoing: OutgoingMail): Promise<SendResult> {
  const opened = await open(server);
  assert.equal(opened.kind, "ready");
  if (opened.kind !== "ready") throw new Error("not reached");
  const result = await opened.session.send(outgoing);
  opened.session.quit();
  return result;
}

async function untilClosed(server: ScriptedServer): Promise<void> {
  while (server.open() > 0) await new Promise((done) => setTimeout(done, 5));
}

const plainHello = "S: 220 mx\nC: EHLO me.test\nS: 502 what?\nC: HELO me.test\nS: 250 mx";
const fullHello = `S: 220 mx ESMTP\nC: EHLO me.test\nRAW 250-mx\\r\\n250-PIPELINING\\r\\n250-SIZE 1000000\\r\\n250 8BITMIME\\r\\n`;

test("a classic server gets HELO, MAIL, RCPT, DATA, QUIT, one at a time [Q-180]", async () => {
  await using server = await startScripted([
    `${plainHello}
     C: MAIL FROM:<joe@here.test>
     S: 250 ok
     C: RCPT TO:<ann@there.test>
     S: 250 ok
     C: DATA
     S: 354 go
     MESSAGE
     S: 250 taken
     C: QUIT`,
  ]);
  const result = await sendOne(server, mail("Subject: x\n\nhi\n"));
  await untilClosed(server);
  assert.deepEqual(server.complaints, []);
  assert.equal(result.kind, "accepted");
  assert.equal(server.message(0), "Subject: x\r\n\r\nhi\r\n");
});

test("QUIT is not waited for: the client is gone though the server answers nothing [Q-180]", async () => {
  await using server = await startScripted([
    `${fullHello}\nC: *\nC: *\nC: *\nS: 250 a\nS: 250 b\nS: 354 c\nMESSAGE\nS: 250 d\nC: QUIT\nCLOSE`,
  ]);
  const result = await sendOne(server, mail("x\n"));
  assert.equal(result.kind, "accepted");
  await untilClosed(server);
  assert.deepEqual(server.complaints, []);
});

test("with PIPELINING the whole envelope leaves before a reply is read, SIZE told (RFC 2920, RFC 1870)", async () => {
  await using server = await startScripted([
    `${fullHello}
     C: MAIL FROM:<joe@here.test> SIZE=2
     C: RCPT TO:<ann@there.test>
     C: RCPT TO:<bob@there.test>
     C: DATA
     RAW 250 a\\r\\n250 b\\r\\n550 no bob\\r\\n354 go\\r\\n
     MESSAGE
     S: 250 taken`,
  ]);
  const result = await sendOne(server, mail("x\n", { recipients: ["ann@there.test", "bob@there.test"] }));
  assert.deepEqual(server.complaints, []);
  assert.equal(result.kind, "accepted");
  assert.deepEqual(
    result.recipients.map((reply) => reply.code),
    [250, 550],
  );
});

test("a null sender is sent as <> and a local part with blanks quoted [Q-191] [Q-192]", async () => {
  await using server = await startScripted([
    `${plainHello}
     C: MAIL FROM:<>
     S: 250 ok
     C: RCPT TO:<"b c"@there.test>
     S: 250 ok
     C: DATA
     S: 354 go
     MESSAGE
     S: 250 taken`,
  ]);
  const result = await sendOne(server, mail("x\n", { sender: "", recipients: ["b c@there.test"] }));
  assert.deepEqual(server.complaints, []);
  assert.equal(result.kind, "accepted");
});

test("lines with a dot in front are doubled, LF becomes CRLF, CRLF stays, however the message is cut [Q-190]", () => {
  const encode = (pieces: readonly Uint8Array[]): string => {
    const encoder = new BodyEncoder();
    const bytes = Buffer.concat(pieces.map((piece) => encoder.push(piece)));
    return bytes.toString("latin1") + encoder.end();
  };
  const table: readonly (readonly [string, string])[] = [
    ["", ".\r\n"],
    ["a\n", "a\r\n.\r\n"],
    [".\n..\n.a\n\n.", "..\r\n...\r\n..a\r\n\r\n..\r\n.\r\n"],
    ["a\r\nb\r\n", "a\r\nb\r\n.\r\n"],
    ["a\rb\r", "a\r\nb\r\n.\r\n"],
    ["\r\r\n\n\r", "\r\n\r\n\r\n\r\n.\r\n"],
    ["\r.\n\r\n.x", "\r\n..\r\n\r\n..x\r\n.\r\n"],
    ["\xff\0\x80\n", "\xff\0\x80\r\n.\r\n"],
  ];
  for (const [stored, sent] of table) {
    const bytes = Buffer.from(stored, "latin1");
    assert.equal(encode([bytes]), sent, JSON.stringify(stored));
    assert.equal(encode([...bytes].map((octet) => Buffer.of(octet))), sent, `${JSON.stringify(stored)} in octets`);
  }
  const text = fc.string({ unit: fc.constantFrom("a", ".", "\n", "\r", "\xff"), maxLength: 60 });
  fc.assert(
    fc.property(text, fc.nat(60), fc.nat(60), (stored, a, b) => {
      const bytes = Buffer.from(stored, "latin1");
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const lines = stored
        .replace(/\r\n?/g, "\n")
        .replace(/([^\n])$/, "$1\n")
        .replace(/^\./gm, "..");
      const expected = `${lines.replace(/\n/g, "\r\n")}.\r\n`;
      assert.equal(encode([bytes.subarray(0, from), bytes.subarray(from, to), bytes.subarray(to)]), expected);
    }),
    { numRuns: 1000 },
  );
});

test("a last line without LF is completed [Q-193]", async () => {
  await using server = await startScripted([
    `${fullHello}\nC: *\nC: *\nC: *\nRAW 250 a\\r\\n250 b\\r\\n354 c\\r\\n\nMESSAGE\nS: 250 d`,
  ]);
  assert.equal((await sendOne(server, mail(["a\nb", "c"]))).kind, "accepted");
  assert.equal(server.message(0), "a\r\nbc\r\n");
});

test("10 MB arrive whole, and a server that reads slowly is waited for", async () => {
  await using server = await startScripted([
    `${fullHello}\nC: *\nC: *\nC: *\nRAW 250 a\\r\\n250 b\\r\\n354 c\\r\\n\nMESSAGE\nS: 250 d`,
  ]);
  const piece = ".dots and words and more words to make it a line of some length\n".repeat(2048);
  const pieces = Array<string>(80).fill(piece);
  const result = await sendOne(server, mail(pieces));
  assert.equal(result.kind, "accepted");
  const expected = `.${piece.replaceAll("\n", "\r\n").replaceAll("\r\n.", "\r\n..")}`.repeat(80);
  assert.ok(server.message(0) === expected);
});

test("STARTTLS is used when offered, and EHLO said again inside [Q-281]", async (t) => {
  const tls = await makeTestTls("mx.test");
  if (tls === null) return t.skip("openssl(1) is not here");
  const hello =
    "S: 220 mx\nC: EHLO me.test\nRAW 250-mx\\r\\n250 STARTTLS\\r\\n\nC: STARTTLS\nS: 220 go\nTLS\nC: EHLO me.test";
  const rest =
    "S: 250 mx\nC: MAIL FROM:<joe@here.test>\nS: 250 a\nC: *\nS: 250 b\nC: DATA\nS: 354 c\nMESSAGE\nS: 250 d";
  await using server = await startScripted([`${hello}\n${rest}`], tls);
  for (const policy of [options.tls, { kind: "verified", authorities: tls.cert } as const]) {
    const opened = await open(server, { tls: policy });
    assert.ok(opened.kind === "ready");
    assert.ok(opened.session.isSecure);
    assert.equal((await opened.session.send(mail("secret\n"))).kind, "accepted");
    opened.session.quit();
  }
  assert.deepEqual(server.complaints, []);
});

test("a failed handshake, bytes before it, and a server that proves nothing are told [Q-281]", async (t) => {
  const tls = await makeTestTls("other.test");
  if (tls === null) return t.skip("openssl(1) is not here");
  const hello = "S: 220 mx\nC: EHLO me.test\nRAW 250-mx\\r\\n250 STARTTLS\\r\\n\nC: STARTTLS";
  await using server = await startScripted(
    [
      `${hello}\nS: 220 go\nSOME\nRAW nonsense\\r\\n`,
      `${hello}\nRAW 220 go\\r\\n250 injected\\r\\n`,
      `${hello}\nS: 220 go\nCLOSE`,
      `${hello}\nS: 220 go\nTLS\nC: *`,
    ],
    tls,
  );
  for (let i = 0; i < 3; i++) assert.equal((await open(server)).kind, "tls-failed");
  const proof = await makeTestTls("mx.test");
  assert.ok(proof !== null);
  const verified = await open(server, { tls: { kind: "verified", authorities: proof.cert } });
  assert.equal(verified.kind, "tls-failed");
});

test("a server that declines STARTTLS is spoken to in the clear [Q-281]", async () => {
  await using server = await startScripted([
    "S: 220 mx\nC: EHLO me.test\nRAW 250-mx\\r\\n250 STARTTLS\\r\\n\nC: STARTTLS\nS: 454 not now\nC: MAIL FROM:<joe@here.test>\nS: 250 a\nC: *\nS: 250 b\nC: DATA\nS: 354 c\nMESSAGE\nS: 250 d",
  ]);
  assert.equal((await sendOne(server, mail("x\n"))).kind, "accepted");
  assert.deepEqual(server.complaints, []);
});

test("international addresses use SMTPUTF8, or A-labels, or are refused before anything is sent (RFC 6531)", async () => {
  const utf8 = (text: string): string => Buffer.from(text).toString("latin1");
  const able = `S: 220 mx\nC: *\nRAW 250-mx\\r\\n250 SMTPUTF8\\r\\n\nC: *\nS: 250 a\nC: *\nS: 250 b\nC: DATA\nS: 354 c\nMESSAGE\nS: 250 d`;
  const unable = `${plainHello}\nC: *\nS: 250 a\nC: *\nS: 250 b\nC: DATA\nS: 354 c\nMESSAGE\nS: 250 d`;
  await using first = await startScripted([able]);
  await sendOne(first, mail("x\n", { recipients: [utf8("jörg@bücher.test")] }));
  assert.deepEqual(first.commands(0).slice(1, 3), [
    "MAIL FROM:<joe@here.test> SMTPUTF8",
    utf8("RCPT TO:<jörg@bücher.test>"),
  ]);
  await using second = await startScripted([unable]);
  await sendOne(second, mail("x\n", { recipients: [utf8("joe@bücher.test")] }));
  assert.deepEqual(second.commands(0).slice(3, 4), ["RCPT TO:<joe@xn--bcher-kva.test>"]);
  await using third = await startScripted([plainHello]);
  assert.equal((await sendOne(third, mail("x\n", { recipients: [utf8("jörg@there.test")] }))).kind, "needs-smtputf8");
});

test("8-bit text is declared where the server knows how, and sent as it is where not (RFC 6152)", async () => {
  const rest = "C: *\nS: 250 a\nC: *\nS: 250 b\nC: DATA\nS: 354 c\nMESSAGE\nS: 250 d";
  const eight = mail("gr\xfc\xdfe\n", {
    body: { sizeBytes: 7, eightBit: true, pieces: () => [Buffer.from("gr\xfc\xdfe\n", "latin1")] },
  });
  await using server = await startScripted([
    `S: 220 mx\nC: *\nRAW 250-mx\\r\\n250 8BITMIME\\r\\n\n${rest}`,
    `${plainHello}\n${rest}`,
  ]);
  await sendOne(server, eight);
  await sendOne(server, eight);
  assert.equal(server.commands(0)[1], "MAIL FROM:<joe@here.test> BODY=8BITMIME");
  assert.equal(server.commands(1)[2], "MAIL FROM:<joe@here.test>");
  assert.equal(server.message(1), "gr\xfc\xdfe\r\n");
});

test("a session carries several messages; RSET goes ahead only after a refusal", async () => {
  await using server = await startScripted([
    `${fullHello}
     C: MAIL FROM:<joe@here.test> SIZE=2
     C: RCPT TO:<ann@there.test>
     C: DATA
     RAW 250 a\\r\\n250 b\\r\\n354 c\\r\\n
     MESSAGE
     S: 250 one
     C: MAIL FROM:<joe@here.test> SIZE=2
     C: RCPT TO:<ann@there.test>
     C: DATA
     RAW 250 a\\r\\n550 no\\r\\n503 rcpt first\\r\\n
     C: RSET
     C: MAIL FROM:<joe@here.test> SIZE=2
     C: RCPT TO:<ann@there.test>
     C: DATA
     RAW 250 reset\\r\\n250 a\\r\\n250 b\\r\\n354 c\\r\\n
     MESSAGE
     S: 250 three
     C: QUIT`,
  ]);
  const opened = await open(server);
  assert.ok(opened.kind === "ready");
  const kinds: string[] = [];
  for (let i = 0; i < 3; i++) {
    assert.ok(opened.session.isReusable);
    kinds.push((await opened.session.send(mail("x\n"))).kind);
  }
  assert.deepEqual(kinds, ["accepted", "no-recipients", "accepted"]);
  opened.session.quit();
  await untilClosed(server);
  assert.deepEqual(server.complaints, []);
});

test("a server that wants DATA though it took no recipient gets an empty message, and no second one", async () => {
  await using server = await startScripted([
    `${fullHello}\nC: *\nC: *\nC: *\nRAW 250 a\\r\\n550 b\\r\\n354 c\\r\\n\nMESSAGE\nS: 554 none`,
  ]);
  const opened = await open(server);
  assert.ok(opened.kind === "ready");
  assert.equal((await opened.session.send(mail("x\n"))).kind, "no-recipients");
  assert.equal(opened.session.isReusable, false);
  assert.equal(server.message(0), "");
  opened.session.quit();
});

test("421 in the middle is the reply to all that was asked", async () => {
  await using server = await startScripted([`${fullHello}\nC: *\nC: *\nC: *\nRAW 421 going down\\r\\n\nCLOSE`]);
  const result = await sendOne(server, mail("x\n"));
  assert.ok(result.kind === "refused" && result.at === "mail" && result.reply.code === 421);
});

test("octet by octet, over many lines, the replies are understood", async () => {
  await using server = await startScripted([
    `s: 220-hello
     s: 220 mx
     C: EHLO me.test
     s: 250 mx
     C: *
     s: 250-a
     s: 250 b
     C: *
     s: 250 ok
     C: *
     s: 354 go
     MESSAGE
     s: 250-one
     s: 250 two`,
  ]);
  const result = await sendOne(server, mail("x\n"));
  assert.ok(result.kind === "accepted");
  assert.equal(result.reply.text, "250-one\n250 two\n");
});

test("a 2xx to DATA is no go-ahead and a 3xx after the dot no acceptance: neither loses or leaks the message", async () => {
  await using server = await startScripted([
    `${plainHello}\nC: *\nS: 250 a\nC: *\nS: 250 b\nC: DATA\nS: 250 eh?`,
    `${plainHello}\nC: *\nS: 250 a\nC: *\nS: 250 b\nC: DATA\nS: 354 go\nMESSAGE\nS: 354 more`,
  ]);
  const first = await sendOne(server, mail("RCPT TO:<evil@there.test>\n"));
  assert.ok(first.kind === "refused" && first.at === "data");
  assert.ok(!server.heard[0]?.includes("evil"));
  const second = await sendOne(server, mail("x\n"));
  assert.ok(second.kind === "refused" && second.at === "message");
});

test("a message that cannot be read to its end is never finished with a dot", async () => {
  await using server = await startScripted([
    `${fullHello}\nC: *\nC: *\nC: *\nRAW 250 a\\r\\n250 b\\r\\n354 c\\r\\n\nMESSAGE\nS: 250 d`,
  ]);
  async function* pieces() {
    yield Buffer.from("half\n");
    throw new Error("the queue is gone");
  }
  const result = await sendOne(server, mail("", { body: { sizeBytes: 10, eightBit: false, pieces } }));
  assert.equal(result.kind, "unreadable");
  await untilClosed(server);
  assert.ok(!server.heard[0]?.includes("\r\n.\r\n"));
});

test("whatever a server babbles at whatever point, the send ends with a value", async () => {
  const hello = `S: 220 mx\nC: *\nRAW 250-mx\\r\\n250 PIPELINING\\r\\n`;
  const babble = [
    "hello\\r\\n",
    "250",
    "\\r\\n",
    "999 x\\r\\n",
    "250-\\r\\n".repeat(50),
    `${"x".repeat(3000)}\\r\\n`,
    "\\0\\0\\r\\n",
    "2",
  ];
  const points = [
    "",
    `S: 220 mx\nC: *`,
    `${hello}\nC: *`,
    `${hello}\nC: *\nC: *\nC: *\nRAW 250 a\\r\\n250 b\\r\\n`,
    `${hello}\nC: *\nC: *\nC: *\nRAW 250 a\\r\\n250 b\\r\\n354 c\\r\\n\nMESSAGE`,
  ];
  const scripts = points.flatMap((point) => babble.map((noise) => `${point}\nRAW ${noise}\nCLOSE`));
  await using server = await startScripted(scripts);
  for (const script of scripts) {
    const opened = await open(server);
    if (opened.kind !== "ready") continue;
    const result = await opened.session.send(mail("x\n"));
    assert.notEqual(result.kind, "accepted", script);
    opened.session.destroy();
  }
});

test("credentials are proved by CRAM-MD5 in the clear (RFC 2195's example), shown by PLAIN or LOGIN in private only", async () => {
  const hello = (ways: string): string => `S: 220 mx\nC: *\nRAW 250-mx\\r\\n250 AUTH ${ways}\\r\\n\n`;
  const credentials = { user: "tim", password: "tanstaaftanstaaf" };
  await using server = await startScripted([
    `${hello("PLAIN LOGIN")}C: AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\nS: 235 yes`,
    `${hello("LOGIN")}C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: dGlt\nS: 334 x\nC: dGFuc3RhYWZ0YW5zdGFhZg==\nS: 235 yes`,
    `${hello("CRAM-MD5")}C: AUTH CRAM-MD5\nS: 334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\nC: dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw\nS: 235 yes`,
    `${hello("PLAIN")}C: *\nS: 535 no`,
    `${hello("GSSAPI")}`,
  ]);
  const kinds: string[] = [];
  for (let i = 0; i < 5; i++) {
    const opened = await open(server, { credentials });
    kinds.push(opened.kind === "refused" ? `refused at ${opened.at}` : opened.kind);
    if (opened.kind === "ready") opened.session.quit();
  }
  assert.deepEqual(kinds, ["ready", "ready", "ready", "refused at auth", "auth-impossible"]);
  assert.deepEqual(server.complaints, []);
});

test("a password is not shown on an open line", async () => {
  const wire = new LineWire(new PassThrough(), 1000);
  const extensions = new Map([["AUTH", "PLAIN LOGIN"]]);
  assert.equal(await authenticate(wire, extensions, { user: "tim", password: "secret" }, false), "impossible");
});

test("a server that dribbles its reply is given timeoutremote for the whole of it", async () => {
  await using server = await startScripted([`s: 220 ${"x".repeat(2000)}`]);
  const startedAt = performance.now();
  assert.equal((await open(server, { timeoutMs: 150 })).kind, "died");
  assert.ok(performance.now() - startedAt < 3_000);
});

test("a connection that is cut in the middle of a large message is noticed at once", async () => {
  await using server = await startScripted([
    `${fullHello}\nC: *\nC: *\nC: *\nRAW 250 a\\r\\n250 b\\r\\n354 c\\r\\n\nSOME\nRESET`,
  ]);
  const startedAt = performance.now();
  const result = await sendOne(server, mail(Array<string>(200).fill("x\n".repeat(50_000))));
  assert.ok(result.kind === "died" && !result.afterDot);
  assert.ok(performance.now() - startedAt < 8_000);
});

test("whatever bytes come in whatever pieces, reading a reply ends with a reply or a WireError", async () => {
  const piece = fc.string({ unit: fc.constantFrom("2", "5", "0", "-", " ", "a", "\r", "\n", "\0"), maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
      const stream = new PassThrough();
      const wire = new LineWire(stream, 5_000);
      for (const each of pieces) stream.write(each, "latin1");
      stream.end();
      try {
        const { code, text } = await readReply(wire);
        assert.ok(code >= 200 && code <= 599 && text.endsWith("\n"));
      } catch (error) {
        assert.ok(error instanceof WireError);
      }
    }),
    { numRuns: 300 },
  );
});
