import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Server } from "node:net";
import { Readable } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { netstring, readNetstring } from "#bytes";
import { HeldBytes } from "#files";
import type { Envelope } from "#mail";
import { closeServer } from "#net";
import { CrlfToLf, scanLength } from "./netstring-protocols.ts";
import { NetstringEnd } from "./netstring-protocols-input.ts";
import { askQmqpServers, parseQmqpServer } from "./netstring-protocols-qmqpc.ts";
import { serveQmqpPackage } from "./netstring-protocols-qmqpd.ts";
import { type QmtpHouse, serveQmtp } from "./netstring-protocols-qmtpd.ts";
import type { DoorAnswer, Posting } from "./posting.ts";

type Posted = { readonly envelope: Envelope; readonly message: string };

/** A house that takes mail for `*@us.test`, numbers its messages from 1, and remembers them. */
function house(facts: Partial<QmtpHouse> = {}, answer: DoorAnswer | null = null) {
  const posted: Posted[] = [];
  const post = (envelope: Envelope): Posting => {
    let message = "";
    return {
      write(bytes) {
        message += Buffer.from(bytes).toString("latin1");
      },
      async finish() {
        posted.push({ envelope, message });
        return answer ?? { fate: "done", text: "", queueId: posted.length };
      },
      abort() {},
    };
  };
  const us: QmtpHouse = {
    post,
    allows: (recipient) => recipient.endsWith("@us.test"),
    relayClient: null,
    dataBytes: 0,
    traceLine: () => "Received: trace\n",
    now: () => new Date(812_090_813_000),
    qp: 99,
    ...facts,
  };
  return { us, posted };
}

const ns = (content: string): string => netstring(content).toString("latin1");
/** A QMTP package. */
const qmtp = (message: string, sender: string, ...recipients: string[]): string =>
  ns(message) + ns(sender) + ns(recipients.map(ns).join(""));
/** A QMQP package. */
const qmqp = (message: string, ...addresses: string[]): string => ns(ns(message) + addresses.map(ns).join(""));

/** Everything at once, or one byte at a time: a parser of streams must not care. */
const cuts = (text: string): Readable[] => [
  Readable.from([Buffer.from(text, "latin1")]),
  Readable.from([...text].map((octet) => Buffer.from(octet, "latin1"))),
];

/** Runs a QMTP session; the replies taken out of their netstrings, and how it ended. */
async function talkQmtp(input: Readable, us: QmtpHouse): Promise<{ replies: string[]; exitCode: number }> {
  let out = "";
  const write = async (reply: Buffer): Promise<void> => {
    out += reply.toString("latin1");
  };
  const exitCode = await serveQmtp(input, write, us).catch((error: unknown) => {
    assert.ok(error instanceof NetstringEnd, String(error));
    return error.exitCode;
  });
  const replies: string[] = [];
  const bytes = Buffer.from(out, "latin1");
  for (let at = 0; at < bytes.length; ) {
    const reply = readNetstring(bytes, at, 1000);
    assert.ok(reply !== null && reply !== "short");
    replies.push(reply.bytes.toString("latin1"));
    at = reply.next;
  }
  return { replies, exitCode };
}

test("QMTP takes two packages on one connection and answers every recipient in order [Q-235]", async () => {
  const input = qmtp("\nSubject: 1\n\n", "s@s.s", "a@us.test", "b@us.test") + qmtp("\nx", "", "c@us.test");
  for (const stream of cuts(input)) {
    const { us, posted } = house();
    const ok = (qp: number) => `Kok 812090813 qp ${qp}`;
    assert.deepEqual(await talkQmtp(stream, us), { replies: [ok(1), ok(1), ok(2)], exitCode: 0 });
    assert.deepEqual(posted, [
      {
        envelope: { sender: "s@s.s", recipients: ["a@us.test", "b@us.test"] },
        message: "Received: trace\nSubject: 1\n\n",
      },
      { envelope: { sender: "", recipients: ["c@us.test"] }, message: "Received: trace\nx" },
    ]);
  }
});

test("QMTP refuses a foreign recipient and delivers to the others [Q-236]", async () => {
  const { us, posted } = house();
  const long = `${"x".repeat(992)}@us.test`;
  const input = qmtp("\nx\n", "s@s.s", "a@us.test", "far@away.test", "n\0l@us.test", long, "b@us.test");
  assert.deepEqual((await talkQmtp(cuts(input)[0]!, us)).replies, [
    "Kok 812090813 qp 1",
    "Dsorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
    "Dsorry, I can't handle that recipient (#5.1.3)",
    "Dsorry, I can't handle that recipient (#5.1.3)",
    "Kok 812090813 qp 1",
  ]);
  assert.deepEqual(posted[0]?.envelope.recipients, ["a@us.test", "b@us.test"]);
});

test("RELAYCLIENT opens QMTP to everywhere and is put behind every recipient", async () => {
  const { us, posted } = house({ relayClient: "@fix" });
  const fits = `${"x".repeat(990)}@a.bc`;
  const input = qmtp("\nx\n", "s@s.s", "far@away.test", fits, `${fits}d`);
  const { replies } = await talkQmtp(cuts(input)[0]!, us);
  assert.deepEqual(replies, [
    "Kok 812090813 qp 1",
    "Kok 812090813 qp 1",
    "Dsorry, I can't handle that recipient (#5.1.3)",
  ]);
  assert.deepEqual(posted[0]?.envelope.recipients, ["far@away.test@fix", `${fits}@fix`]);
});

test("nobody is bothered when no recipient is taken", async () => {
  const { us, posted } = house();
  await talkQmtp(cuts(qmtp("\nx\n", "s@s.s", "far@away.test") + qmtp("\nx\n", "s@s.s"))[0]!, us);
  assert.deepEqual(posted, []);
});

test("a QMTP body with CR line ends is stored with LF [Q-237]", async () => {
  for (const stream of cuts(qmtp("\ra\r\nb\r\r\nc\rd\r\n\r", "s@s.s", "a@us.test"))) {
    const { us, posted } = house();
    await talkQmtp(stream, us);
    assert.equal(posted[0]?.message, "Received: trace\na\nb\r\nc\rd\n\r");
  }
});

test("a QMTP message beyond databytes is refused for every recipient [Q-238]", async () => {
  const tooBig = "Dsorry, that message size exceeds my databytes limit (#5.3.4)";
  const { us, posted } = house({ dataBytes: 4 });
  const input =
    qmtp("\n12345", "s@s.s", "a@us.test", "b@us.test") +
    qmtp("\r123\r\n5", "s@s.s", "a@us.test") +
    qmtp("\n1234", "s@s.s", "a@us.test") +
    qmtp("\r123\r\n", "s@s.s", "a@us.test");
  const { replies } = await talkQmtp(cuts(input)[0]!, us);
  assert.deepEqual(replies, [tooBig, tooBig, tooBig, "Kok 812090813 qp 1", "Kok 812090813 qp 2"]);
  assert.deepEqual(
    posted.map(({ message }) => message),
    ["Received: trace\n1234", "Received: trace\n123\n"],
  );
});

test("what breaks the QMTP grammar closes the connection: 100, or 111 for lengths beyond all measure [Q-239]", async () => {
  const rows: [string, number][] = [
    ["x", 100],
    ["3x:", 100],
    ["0:,", 100],
    ["2:xy,", 100],
    ["2:\ny;", 100],
    ["2:\ny,x", 100],
    [`${ns("\ny")}${ns("s")}3:1:a;,`, 100],
    [`${ns("\ny")}${ns("s")}3:9:a,`, 100],
    [`${ns("\ny")}${ns("s")}2:1,,`, 100],
    [`${ns("\ny")}${ns("s")}3:1:a,;`, 100],
    ["200000001:", 111],
    ["2000000000000", 111],
    [`${ns("\ny")}${ns("s")}100000000:`, 111],
    ["", 0],
    ["5:\nabc", 0],
    [`${ns("\ny")}${ns("s")}`, 0],
  ];
  for (const [input, expected] of rows) {
    for (const stream of cuts(input)) {
      const { us, posted } = house();
      assert.deepEqual(await talkQmtp(stream, us), { replies: [], exitCode: expected }, JSON.stringify(input));
      assert.deepEqual(posted, []);
    }
  }
});

test("a QMTP sender that cannot be one is refused for every recipient", async () => {
  const { us, posted } = house();
  const input = qmtp("\nx\n", "a\0b", "a@us.test") + qmtp("\nx\n", "x".repeat(1000), "a@us.test");
  const { replies } = await talkQmtp(cuts(input)[0]!, us);
  assert.deepEqual(replies, ["Dunacceptable sender (#5.1.7)", "Dunacceptable sender (#5.1.7)"]);
  assert.deepEqual(posted, []);
});

test("the queue's refusals go to QMTP and QMQP peers with their letter", async () => {
  const answer: DoorAnswer = { fate: "temporary", text: "qq timeout (#4.3.0)", queueId: null };
  const { us } = house({}, answer);
  assert.deepEqual((await talkQmtp(cuts(qmtp("\nx\n", "s", "a@us.test"))[0]!, us)).replies, ["Zqq timeout (#4.3.0)"]);
  assert.equal(String(await serveQmqpPackage(cuts(qmqp("x", "s", "a"))[0]!, us)), "20:Zqq timeout (#4.3.0),");
});

test("QMQP takes any recipient and gives one reply; a NUL or 1000 bytes in an address are refused [Q-240]", async () => {
  for (const stream of cuts(qmqp("Subject: x\n\n", "s@s.s", "far@away.test", "b"))) {
    const { us, posted } = house();
    assert.equal(String(await serveQmqpPackage(stream, us)), ns("Kok 812090813 qp 1"));
    assert.deepEqual(posted, [
      { envelope: { sender: "s@s.s", recipients: ["far@away.test", "b"] }, message: "Received: trace\nSubject: x\n\n" },
    ]);
  }
  const bad = ns("Dsorry, I can't accept addresses like that (#5.1.3)");
  for (const addresses of [
    ["s\0", "a"],
    ["s", "a\0"],
    ["s", "x".repeat(1000)],
    ["x".repeat(1000), "a"],
  ]) {
    const { us, posted } = house();
    assert.equal(String(await serveQmqpPackage(cuts(qmqp("x", ...addresses))[0]!, us)), bad);
    assert.deepEqual(posted, []);
  }
  const { us } = house();
  assert.equal(String(await serveQmqpPackage(cuts(qmqp("x", "s", "x".repeat(999)))[0]!, us)), ns("Kok 812090813 qp 1"));
});

test("what breaks the QMQP grammar is exit 100, a peer that leaves is exit 0", async () => {
  const rows: [string, number][] = [
    ["x", 100],
    ["7:4:abcd,", 100],
    ["8:4:abcd,1", 100],
    ["9:4:abcd,", 0],
    ["4:4:abcd,", 100],
    ["9:1:a,1:b;1:c,,", 100],
    [`${qmqp("x", "s", "a").slice(0, -1)};`, 100],
    [qmqp("x", "s", "a").slice(0, -1), 0],
    ["", 0],
  ];
  for (const [input, expected] of rows) {
    for (const stream of cuts(input)) {
      const { us, posted } = house();
      await assert.rejects(serveQmqpPackage(stream, us), { exitCode: expected }, JSON.stringify(input));
      assert.deepEqual(posted, []);
    }
  }
});

test("servers never throw anything but NetstringEnd, whatever the bytes", async () => {
  const unit = fc.constantFrom("0", "1", "2", "9", ":", ",", "\n", "\r", "a", "\0");
  await fc.assert(
    fc.asyncProperty(fc.string({ unit, maxLength: 40 }), async (text) => {
      const { us } = house();
      await talkQmtp(cuts(text)[0]!, us);
      await serveQmqpPackage(cuts(text)[0]!, us).catch((error: unknown) => {
        assert.ok(error instanceof NetstringEnd, String(error));
      });
    }),
    { numRuns: 500 },
  );
});

test("lengths are read as qmail reads them", () => {
  assert.deepEqual(scanLength(Buffer.from("x12:"), 1), { length: 12, next: 4 });
  assert.deepEqual(scanLength(Buffer.from(":"), 0), { length: 0, next: 1 });
  assert.equal(scanLength(Buffer.from("12"), 0), "short");
  assert.equal(scanLength(Buffer.from("1 "), 0), "malformed");
  assert.equal(scanLength(Buffer.from("0".repeat(200)), 0), "malformed");
  assert.equal(scanLength(Buffer.from("200000001:"), 0), "too-long");
  assert.deepEqual(scanLength(Buffer.from("200000000:"), 0), { length: 200_000_000, next: 10 });
});

test("CRLF becomes LF however the bytes are cut", () => {
  const unit = fc.constantFrom("\r", "\n", "a");
  fc.assert(
    fc.property(fc.array(fc.string({ unit, maxLength: 5 })), (pieces) => {
      const decoder = new CrlfToLf();
      const out = pieces.map((piece) => decoder.push(Buffer.from(piece)).toString()).join("") + decoder.end();
      assert.equal(out, pieces.join("").replaceAll("\r\n", "\n"));
    }),
  );
});

/** A QMQP server that reads a whole package and says one thing; `null` hangs up instead. */
async function qmqpServer(says: string | null): Promise<{ server: Server; entry: string; got: () => string }> {
  let got = "";
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      got += chunk.toString("latin1");
      if (readNetstring(Buffer.from(got, "latin1"), 0, 1e9) === "short") return;
      if (says === null) socket.destroy();
      else socket.end(says);
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { server, entry: `127.0.0.1:${(server.address() as AddressInfo).port}`, got: () => got };
}

test("qmqpc tries servers in order; the first that can be reached decides the exit code [Q-241]", async () => {
  const silent = await qmqpServer("");
  await closeServer(silent.server);
  const refusing = silent.entry;
  await using message = new HeldBytes();
  message.write(Buffer.from("Subject: x\n\n"));
  const what = { message, sender: "s@s.s", recipients: ["a@b.c"] };
  const rows: [string | null, number, string][] = [
    [ns("Kok 1 qp 2"), 0, ""],
    [ns("Zlater, please (#4.3.0)"), 71, "later, please (#4.3.0)"],
    [ns("Dnever (#5.0.0)"), 31, "never (#5.0.0)"],
    ["junk", 74, "communication with mail server failed (#4.4.2)"],
    [null, 74, "communication with mail server failed (#4.4.2)"],
  ];
  for (const [says, exitCode, text] of rows) {
    const { server, entry, got } = await qmqpServer(says);
    const next = await qmqpServer(ns("Kok"));
    const result = await askQmqpServers(["not an address", refusing, entry, next.entry], what);
    assert.deepEqual([result.exitCode, result.answer.text], [exitCode, text]);
    assert.equal(got(), qmqp("Subject: x\n\n", "s@s.s", "a@b.c"));
    assert.equal(next.got(), "", "the next one is not asked");
    await Promise.all([closeServer(server), closeServer(next.server)]);
  }
  assert.equal((await askQmqpServers([refusing, refusing], what)).exitCode, 73);
  assert.equal((await askQmqpServers(["not an address"], what)).exitCode, 55);
});

test("entries of qmqpservers are IP addresses, with a port if need be", () => {
  const rows: [string, { host: string; port: number } | null][] = [
    ["192.0.2.1", { host: "192.0.2.1", port: 628 }],
    ["192.0.2.1:6280", { host: "192.0.2.1", port: 6280 }],
    ["2001:db8::1", { host: "2001:db8::1", port: 628 }],
    ["[2001:db8::1]:6280", { host: "2001:db8::1", port: 6280 }],
    ["[192.0.2.1]:25", null],
    ["mail.example.com", null],
    ["", null],
  ];
  for (const [entry, expected] of rows) assert.deepEqual(parseQmqpServer(entry), expected, entry);
});
