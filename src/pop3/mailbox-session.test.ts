import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import fc from "fast-check";
import { type Dialect, type SessionReport, serveMailbox } from "./mailbox-session.ts";
import { classicIdleMs } from "./session-end.ts";
import { lineReader, play, wirePair } from "./testing.ts";

let maildir = "";
beforeEach(() => {
  maildir = mkdtempSync(join(tmpdir(), "quail-pop3-"));
  for (const part of ["tmp", "new", "cur"]) mkdirSync(join(maildir, part));
});
afterEach(() => rmSync(maildir, { recursive: true }));

function lay(file: string, agoSeconds: number, content: string): void {
  writeFileSync(join(maildir, file), content);
  const at = Date.now() / 1000 - agoSeconds;
  utimesSync(join(maildir, file), at, at);
}

function layThree(): void {
  lay("cur/1.a:2,S", 30, "Subject: one\n\n.dot\n");
  lay("new/2.b", 20, "Subject: two\n\n1\n2\n3\n");
  lay("new/3.c", 10, "Subject: three\n\nlast");
}

const left = (): string =>
  ["new", "cur"]
    .flatMap((part) => readdirSync(join(maildir, part)).map((name) => `${part}/${name}`))
    .sort()
    .join(" ");

/** Plays a script against a session on the Maildir; what the session says of itself in the end. */
async function session(dialect: Dialect, script: string, timeoutMs?: number): Promise<SessionReport> {
  const { wire, client } = wirePair(timeoutMs);
  const report = serveMailbox(wire, { maildir, dialect, now: Date.now }).then(async (said) => {
    await wire.end();
    return said;
  });
  await play(client, script);
  client.destroy();
  return report;
}

test("STAT, LIST, UIDL count from the oldest; UIDL is the file's name up to the colon [Q-245] [X-045]", async () => {
  layThree();
  await session(
    "classic",
    `S: +OK 
     C: STAT
     S: +OK 3 ${19 + 20 + 20}
     C: LIST
     S: +OK 
     S: 1 19
     S: 2 20
     S: 3 20
     S: .
     C: LIST 2
     S: +OK 2 20
     C: UIDL
     S: +OK 
     S: 1 1.a
     S: 2 2.b
     S: 3 3.c
     S: .
     C: uidl 3
     S: +OK 3 3.c
     C: QUIT
     S: +OK 
     CLOSED`,
  );
});

test("RETR and TOP, with qmail's extra line and without [Q-248] [Q-249] [X-047] [X-048]", async () => {
  layThree();
  await session(
    "classic",
    `S: +OK 
     C: RETR 1
     S: +OK 
     S: Subject: one
     S: 
     S: ..dot
     S: 
     S: .
     C: TOP 2 0
     S: +OK 
     S: Subject: two
     S: 
     S: 
     S: .
     C: TOP 2 2
     S: +OK 
     S: Subject: two
     S: 
     S: 1
     S: 2
     S: 
     S: .
     C: RETR 2 1
     S: +OK 
     S: Subject: two
     S: 
     S: 1
     S: 
     S: .
     C: TOP 3
     S: +OK 
     S: Subject: three
     S: 
     S: last
     S: 
     S: .
     C: CAPA
     S: -ERR unimplemented`,
  );
  const report = await session(
    "current",
    `S: +OK 
     C: RETR 3
     S: +OK 
     S: Subject: three
     S: 
     S: last
     S: .
     C: TOP 1 0
     S: +OK 
     S: Subject: one
     S: 
     S: .`,
  );
  assert.deepEqual([report.end, report.retr, report.top, report.deleted, report.messages], ["hangup", 1, 1, 0, 3]);
});

const errors = `S: +OK 
  C: RETR
  S: -ERR syntax error
  C: RETR x
  S: -ERR syntax error
  C: RETR 0
  S: -ERR messages are counted from 1
  C: DELE 4
  S: -ERR not that many messages
  C: DELE 99999999999999999999999999999
  S: -ERR not that many messages
  C: LIST -1
  S: -ERR syntax error
  C: DELE 1
  S: +OK 
  C: DELE 1
  S: -ERR already deleted
  C: RETR 1
  S: -ERR already deleted
  C: TOP 1 0
  S: -ERR already deleted
  C: LIST 1
  S: -ERR already deleted
  C: UIDL 1
  S: -ERR already deleted
  C: USER joe
  S: -ERR unimplemented
  C: constructor
  S: -ERR unimplemented
  C: NOOP
  S: +OK 
  C> STAT\\u0000x\\r\\n
  S: -ERR unimplemented`;

for (const dialect of ["classic", "current"] as const) {
  test(`every refusal has qmail's words (${dialect})`, async () => {
    layThree();
    await session(dialect, errors);
  });
}

test("LAST follows DELE, RSET takes both back; STAT counts deleted messages, not their octets [Q-250] [X-049]", async () => {
  layThree();
  await session(
    "classic",
    `S: +OK 
     C: LAST
     S: +OK 0
     C: DELE 2
     S: +OK 
     C: LAST
     S: +OK 2
     C: DELE 1
     S: +OK 
     C: LAST
     S: +OK 2
     C: STAT
     S: +OK 3 20
     C: LIST
     S: +OK 
     S: 3 20
     S: .
     C: RSET
     S: +OK 
     C: LAST
     S: +OK 0
     C: STAT
     S: +OK 3 59
     C: QUIT
     S: +OK 
     CLOSED`,
  );
  assert.equal(left(), "cur/1.a:2,S cur/2.b:2, cur/3.c:2,");
});

test("what is current counts what is left in STAT", async () => {
  layThree();
  await session(
    "current",
    `S: +OK 
     C: DELE 2
     S: +OK 
     C: STAT
     S: +OK 2 39`,
  );
});

test("DELE takes effect at QUIT, which moves what is kept from new to cur [Q-246] [Q-247] [X-049] [X-050]", async () => {
  layThree();
  const report = await session(
    "current",
    `S: +OK 
     C: DELE 1
     S: +OK 
     C: DELE 3
     S: +OK 
     C: QUIT
     S: +OK 
     CLOSED`,
  );
  assert.deepEqual([report.end, report.deleted], ["quit", 2]);
  assert.equal(left(), "cur/2.b:2,");
});

test("who hangs up, falls silent or sends a line without end has deleted and moved nothing [Q-246] [Q-252] [X-053]", async () => {
  layThree();
  const before = left();
  assert.equal(classicIdleMs, 20 * 60 * 1000);
  assert.equal((await session("classic", "S: +OK \nC: DELE 1\nS: +OK ")).end, "hangup");
  assert.equal((await session("classic", "S: +OK \nC: DELE 1\nS: +OK \nCLOSED", 50)).end, "timeout");
  const long = `S: +OK \nC: DELE 1\nS: +OK \nC: ${"x".repeat(3000)}\nS: -ERR line too long\nCLOSED`;
  assert.equal((await session("classic", long)).end, "line-too-long");
  assert.equal((await session("classic", "S: +OK \nC: DELE 1\nS: +OK \nC> QUIT")).end, "hangup");
  assert.equal(left(), before);
});

test("the list is made once: what comes later waits for the next session [X-051]", async () => {
  layThree();
  const { wire, client } = wirePair();
  const report = serveMailbox(wire, { maildir, dialect: "classic", now: Date.now });
  const next = lineReader(client);
  assert.equal(await next(), "+OK ");
  lay("new/4.d", 5, "late\n");
  client.write("STAT\r\nQUIT\r\n");
  assert.deepEqual([await next(), await next()], ["+OK 3 59", "+OK "]);
  await report;
  assert.equal(left(), "cur/1.a:2,S cur/2.b:2, cur/3.c:2, new/4.d");
});

test("a message that another reader removed or flagged meanwhile: the session goes on [X-061]", async () => {
  layThree();
  const { wire, client } = wirePair();
  const report = serveMailbox(wire, { maildir, dialect: "current", now: Date.now });
  const next = lineReader(client);
  await next();
  rmSync(join(maildir, "cur/1.a:2,S"));
  renameSync(join(maildir, "new/2.b"), join(maildir, "cur/2.b:2,S"));
  client.write("RETR 1\r\nTOP 2 0\r\nDELE 2\r\nQUIT\r\n");
  const said = [];
  for (let line = await next(); line !== null && said.length < 7; line = await next()) {
    said.push(line);
    if (said.length === 7) break;
  }
  assert.deepEqual(said, ["-ERR unable to open that message", "+OK ", "Subject: two", "", ".", "+OK ", "+OK "]);
  await report;
  assert.equal(left(), "cur/3.c:2,");
});

test("commands sent all at once are answered in order [X-059]", async () => {
  layThree();
  await session(
    "current",
    `C> STAT\\r\\nLIST 1\\r\\nRETR 1\\r\\nRETR 3\\r\\nNOOP\\r\\nQUIT\\r\\n
     S: +OK 
     S: +OK 3 59
     S: +OK 1 19
     S: +OK 
     S: Subject: one
     S: 
     S: ..dot
     S: .
     S: +OK 
     S: Subject: three
     S: 
     S: last
     S: .
     S: +OK 
     S: +OK 
     CLOSED`,
  );
});

test("a large message comes through whole, in pieces, as fast as the client reads", async () => {
  const line = `.${"x".repeat(98)}\n`;
  lay("new/1.big", 10, `Subject: big\n\n${line.repeat(50_000)}`);
  const { wire, client } = wirePair();
  const report = serveMailbox(wire, { maildir, dialect: "current", now: Date.now });
  client.write("RETR 1\r\nTOP 1 2\r\nQUIT\r\n");
  let bytes = 0;
  let tail = "";
  for await (const piece of client as AsyncIterable<Buffer>) {
    bytes += piece.length;
    tail = (tail + piece.toString("latin1")).slice(-300);
    if (tail.endsWith(".\r\n+OK \r\n")) break;
  }
  const stuffed = line.length + 2;
  assert.equal(bytes, 4 * 6 + 16 + 50_000 * stuffed + 3 + 16 + 2 * stuffed + 3);
  assert.deepEqual([(await report).retr, (await report).top], [1, 1]);
});

test("a message cut while it is sent ends where it ends; one that cannot be opened is told", async () => {
  layThree();
  mkdirSync(join(maildir, "cur/9.x"));
  truncateSync(join(maildir, "new/2.b"), 0);
  utimesSync(join(maildir, "new/2.b"), 5, 5);
  await session("current", "S: +OK \nC: RETR 1\nS: +OK \nS: .\nC: RETR 4\nS: -ERR not that many messages");
});

test("no Maildir, or one that cannot be listed, is told in qmail's words", async () => {
  rmSync(join(maildir, "cur"), { recursive: true });
  await session("classic", "S: -ERR unable to scan $HOME/Maildir\nCLOSED");
  rmSync(maildir, { recursive: true });
  const report = await session("classic", "S: -ERR this user has no $HOME/Maildir\nCLOSED");
  assert.equal(report.end, "no-maildir");
  mkdirSync(maildir);
});

test("exact sizes are those of what RETR sends, dots not doubled (RFC 1939 §11)", async () => {
  const message = fc.string({ unit: fc.constantFrom("a", ".", "\n", "\r", "\r\n"), maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(message, async (content) => {
      lay("cur/1.x", 10, content);
      const { wire, client } = wirePair();
      const report = serveMailbox(wire, { maildir, dialect: "current", now: Date.now, exactSizes: true });
      client.end("LIST 1\r\nRETR 1\r\n");
      let said = "";
      client.on("data", (piece: Buffer) => {
        said += piece.toString("latin1");
      });
      await report;
      await wire.flush();
      const [, size, data = ""] = /^\+OK \r\n\+OK 1 ([0-9]+)\r\n\+OK \r\n(.*)\.\r\n$/s.exec(said) ?? [];
      assert.equal(Number(size), data.replace(/(^|\r\n)\.\./g, "$1.").length, JSON.stringify(content));
    }),
    { numRuns: 100 },
  );
});

test("CAPA after login tells what is true then; LANG knows one language [X-054]", async () => {
  await session(
    "current",
    `S: +OK 
     C: CAPA
     S: +OK 
     S: TOP
     S: UIDL
     S: RESP-CODES
     S: AUTH-RESP-CODE
     S: PIPELINING
     S: EXPIRE NEVER
     S: UTF8
     S: LANG
     S: IMPLEMENTATION Quail
     S: .
     C: LANG
     S: +OK 
     S: i-default the words of qmail
     S: .
     C: LANG de
     S: -ERR no such language
     C: LANG *
     S~ ^\\+OK i-default`,
  );
});

test("whatever a client sends, it gets lines, and nothing is deleted without QUIT", async () => {
  layThree();
  const before = left();
  const words = fc.constantFrom(
    "RETR",
    "top",
    "DELE",
    "LIST",
    "UIDL",
    "STAT",
    "RSET",
    "LAST",
    "NOOP",
    "CAPA",
    "\0",
    "quit ",
    "é",
  );
  const number = fc.constantFrom("", " 1", "  2 ", " 0", " 1 1", " 99999999999999999999", " -1", " a");
  const line = fc.tuple(words, number, fc.constantFrom("\r\n", "\n", "\r\n\r\n")).map((parts) => parts.join(""));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(line, fc.string()), { maxLength: 20 }), async (lines) => {
      const { wire, client } = wirePair();
      const report = serveMailbox(wire, { maildir, dialect: "current", now: Date.now }).then((said) => {
        void wire.end();
        return said;
      });
      client.resume();
      client.end(Buffer.from(lines.map((text) => text.replace(/quit/gi, "q")).join(""), "latin1"));
      const { end } = await report;
      assert.ok(end === "hangup" || end === "line-too-long", end);
    }),
    { numRuns: 60 },
  );
  assert.equal(left(), before);
});
