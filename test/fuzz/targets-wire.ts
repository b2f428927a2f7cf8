/** Netstrings, QMTP, QMQP, the door's frames, the courier protocol, DNS, the PROXY header. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { duplexPair, Readable } from "node:stream";
import { type Answer, encode } from "dns-packet";
import fc from "fast-check";
import { netstring, readNetstring } from "#bytes";
import { dnsName } from "#dns";
import type { Envelope } from "#mail";
import { FrameLink, readProxyHeader } from "#net";
import { type DoorHouse, NetstringEnd, serveDoor, serveQmqpPackage, serveQmtp } from "#qmtp";
import { linkCourier } from "#send";
import { decodeReply } from "../../src/dns/packet.ts";
import { readAnswer } from "../../src/dns/read-answer.ts";
import { parseBegin, parseMore, parseTell, preface, renderEnvelope } from "../../src/qmtp/door-protocol.ts";
import { scanLength } from "../../src/qmtp/netstring-protocols.ts";
import { parseReport, renderReport } from "../../src/remote/report.ts";
import { parsePull, renderPull } from "../../src/send/courier/protocol.ts";
import { cuts, inPieces, mixOf, octets, tornFrom } from "./inputs.ts";
import { type Target, target } from "./target.ts";

const ns = (text: string): string => netstring(text).toString("latin1");

/** Gathers what a session posts; a message that was aborted leaves nothing. */
function gathering() {
  const posted: { readonly envelope: Envelope; readonly message: string }[] = [];
  const post = (envelope: Envelope) => {
    let message = "";
    return {
      write: (bytes: Uint8Array) => {
        message += Buffer.from(bytes).toString("latin1");
      },
      finish: async () => {
        posted.push({ envelope, message });
        return { fate: "done", text: "", queueId: posted.length } as const;
      },
      abort() {},
    };
  };
  return { posted, post };
}

async function exitOf(run: Promise<unknown>): Promise<number | string> {
  try {
    return String(await run);
  } catch (error) {
    // A length that is both too large and out of place may be refused for either reason, as the bytes come.
    if (error instanceof NetstringEnd) return error.exitCode === 0 ? 0 : 100;
    throw error;
  }
}

const facts = { traceLine: () => "", now: () => new Date(0), qp: 1 };

async function qmtp(text: string, sizes: readonly number[]): Promise<unknown> {
  const { posted, post } = gathering();
  let said = "";
  const write = async (reply: Buffer): Promise<void> => {
    said += reply.toString("latin1");
  };
  const house = { ...facts, post, allows: (to: string) => to.endsWith("t"), relayClient: null, dataBytes: 40 };
  const end = await exitOf(serveQmtp(Readable.from(inPieces(text, sizes)), write, house));
  return { posted, said, end };
}

async function qmqp(text: string, sizes: readonly number[]): Promise<unknown> {
  const { posted, post } = gathering();
  const end = await exitOf(serveQmqpPackage(Readable.from(inPieces(text, sizes)), { ...facts, post }));
  return { posted, end };
}

const body = mixOf(["a", "\r\n", "Subject: x\n"], 6);
const address = fc.constantFrom("", "a@b.t", "b@c.t", "x", "a\0b", "y@no");
const qmtpPackage = fc
  .tuple(fc.constantFrom("\n", "\r"), body, address, fc.array(address, { maxLength: 4 }))
  .map(([mark, text, from, to]) => ns(mark + text) + ns(from) + ns(to.map(ns).join("")));
const qmqpPackage = fc
  .tuple(body, address, fc.array(address, { maxLength: 4 }))
  .map(([text, from, to]) => ns(ns(text) + ns(from) + to.map(ns).join("")));
const noise = mixOf(["0:,", "1:", ":", ",", "5:hello,", "99999999999999999999:", "200000001:", "00000000001:x,"]);

/** A Duplex as the rooms that want a Socket use it. */
function socketPair(): readonly [Socket, Socket] {
  const [a, b] = duplexPair();
  return [a as unknown as Socket, b as unknown as Socket];
}

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

async function knock(text: string, sizes: readonly number[]): Promise<unknown> {
  const { posted, post } = gathering();
  const [client, server] = socketPair();
  const troubles: unknown[] = [];
  const house: DoorHouse = {
    begin: ({ sender, recipients }) => {
      const posting = post({ sender, recipients });
      return { write: (bytes) => posting.write(bytes), end: posting.finish, abort: posting.abort };
    },
    trouble: (error) => void troubles.push(error),
  };
  (server as { setTimeout: unknown }).setTimeout = () => server; // A Duplex has no timeout.
  serveDoor(server, house);
  client.on("error", () => {});
  client.resume();
  for (const piece of inPieces(text, sizes)) client.write(piece);
  client.end();
  for (let n = 0; n < 6; n++) await turn();
  client.destroy();
  server.destroy();
  assert.deepEqual(troubles, []);
  return posted;
}

const u32 = (n: number): string => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(n >>> 0);
  return bytes.toString("latin1");
};
const frameOf = (kind: number, id: number, payload: string): string =>
  u32(payload.length) + String.fromCharCode(kind) + u32(id) + payload;

const doorFrames = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        frameOf(1, 1, "network\x000\x00a@b\x00c@d\x00"),
        frameOf(1, 2, "user\x001000\x00\x00c@d\x00e@f\x00"),
        frameOf(2, 1, "g@h\x00"),
        frameOf(3, 1, "Subject: x\n\nbody\n"),
        frameOf(3, 2, "y"),
        frameOf(4, 1, ""),
        frameOf(4, 2, ""),
        frameOf(5, 1, ""),
        frameOf(6, 0, '{"a":1,"__proto__":2}'),
      ),
      fc.tuple(fc.nat(10), fc.nat(3), octets(20)).map(([kind, id, payload]) => frameOf(kind, id, payload)),
    ),
    { maxLength: 12 },
  )
  .map((frames) => preface.toString("latin1") + frames.join(""));

/** All frames of a link, and whether it was cut. */
async function framesIn(text: string, sizes: readonly number[]): Promise<unknown> {
  const [client, server] = socketPair();
  const frames: unknown[] = [];
  let cut: string | null = null;
  new FrameLink(server, {
    frame: ({ kind, id, payload }) => {
      // A pair of streams in memory goes on after `destroy`, as no socket does.
      if (!server.destroyed) frames.push([kind, id, payload.toString("latin1")]);
    },
    close: (reason) => {
      cut = reason?.message ?? "";
    },
  });
  client.on("error", () => {});
  for (const piece of inPieces(text, sizes)) client.write(piece);
  for (let n = 0; n < 4; n++) await turn();
  client.destroy();
  server.destroy();
  return { frames, cut };
}

/** A scheduler's link under a hostile courier: what becomes of the one job it gave out. */
async function courier(text: string, sizes: readonly number[]): Promise<unknown> {
  const [client, server] = socketPair();
  const link = linkCourier(server, () => {});
  const whole = Buffer.from("Subject: x\n\n");
  const result = link.deliver({
    ...{ queueId: 1, bornAtMs: 0, index: 0, sender: "", again: false, awaited: false, route: null },
    recipient: "a@b" as Parameters<typeof link.deliver>[0]["recipient"],
    message: { sizeBytes: whole.length, whole: null, read: async (at, length) => whole.subarray(at, at + length) },
  });
  client.on("error", () => {});
  client.resume();
  for (const piece of inPieces(text, sizes)) client.write(piece);
  for (let n = 0; n < 4; n++) await turn();
  const ceiling = link.ceiling();
  client.destroy();
  server.destroy();
  assert.ok(Number.isInteger(ceiling) && ceiling >= 0 && ceiling <= 10_000);
  return { result: await result, ceiling };
}

const courierFrames = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        frameOf(1, 0, "120"),
        frameOf(1, 0, "-7"),
        frameOf(3, 1, u32(0) + u32(0) + u32(12)),
        frameOf(3, 1, u32(0xffffffff) + u32(0xffffffff) + u32(262144)),
        frameOf(3, 9, u32(0) + u32(3) + u32(4)),
        frameOf(5, 2, "Kfor nobody"),
      ),
      fc.tuple(fc.nat(6), fc.nat(2), octets(20)).map(([kind, id, payload]) => frameOf(kind, id, payload)),
    ),
    { maxLength: 8 },
  )
  .map((frames) => frames.join(""));

const names = fc.constantFrom("a.test", "b.test", "c.test", "A.TEST", "");
const record = fc.oneof(
  fc.tuple(names, names).map(([name, data]): Answer => ({ type: "CNAME", name, ttl: 9, class: "IN", data })),
  names.map((name): Answer => ({ type: "A", name, ttl: 0x8000_0001, class: "IN", data: "192.0.2.1" })),
  fc
    .tuple(names, names)
    .map(([name, exchange]): Answer => ({ type: "MX", name, ttl: 9, class: "IN", data: { preference: 1, exchange } })),
  names.map((name): Answer => ({ type: "TXT", name, ttl: 9, class: "CH", data: ["x"] })),
);
const dnsPacket = fc.tuple(fc.array(record, { maxLength: 6 }), fc.nat(15), fc.boolean()).map(([answers, rcode, cut]) =>
  encode({
    type: "response",
    id: 7,
    flags: rcode | (cut ? 0x0200 : 0),
    questions: [{ type: "MX", name: "a.test", class: "IN" }],
    answers,
  }).toString("latin1"),
);

const proxyText = mixOf(["PROXY ", "TCP4 ", "TCP6 ", "UNKNOWN", "192.0.2.1 ", "::1 ", "25", " ", "65536", "\r\n"], 8);
const proxyBinary = fc
  .tuple(fc.constantFrom(0x20, 0x21, 0x31), fc.constantFrom(0x11, 0x21, 0x31, 0, 0x51), fc.nat(300), octets(60))
  .map(
    ([command, family, length, rest]) =>
      `\r\n\r\n\0\r\nQUIT\n${String.fromCharCode(command, family, length >> 8, length & 255)}${rest}`,
  );

export const wireTargets: readonly Target[] = [
  target("netstring", fc.oneof(noise, octets(40)), (text) => {
    const bytes = Buffer.from(text, "latin1");
    const read = readNetstring(bytes, 0, 1000);
    if (read !== null && read !== "short") {
      assert.ok(read.next <= bytes.length);
      assert.equal(Number(text.slice(0, text.indexOf(":"))), read.bytes.length);
    }
    const scanned = scanLength(bytes, 0);
    if (typeof scanned === "object")
      assert.ok(scanned.length >= 0 && scanned.length <= 200_000_000 && scanned.next <= bytes.length);
  }),
  target("qmtp", fc.tuple(fc.oneof(qmtpPackage, tornFrom(qmtpPackage), noise), cuts), async ([text, sizes]) => {
    assert.deepEqual(await qmtp(text, sizes), await qmtp(text, []));
  }),
  target("qmqp", fc.tuple(fc.oneof(qmqpPackage, tornFrom(qmqpPackage), noise), cuts), async ([text, sizes]) => {
    assert.deepEqual(await qmqp(text, sizes), await qmqp(text, []));
  }),
  target(
    "door",
    fc.tuple(fc.oneof(doorFrames, tornFrom(doorFrames), qmqpPackage, octets(40)), cuts),
    async ([text, sizes]) => {
      assert.deepEqual(await knock(text, sizes), await knock(text, []));
    },
  ),
  target(
    "door-envelope",
    fc.tuple(
      octets(40),
      fc.array(
        octets(20).map((t) => t.replaceAll("\0", "")),
        { maxLength: 5 },
      ),
      octets(60),
    ),
    ([sender, to, junk]) => {
      parseMore(Buffer.from(junk, "latin1"));
      parseTell(Buffer.from(junk, "latin1"));
      parseBegin(Buffer.from(junk, "latin1"));
      const envelope = { sender: sender.replaceAll("\0", ""), recipients: to } as unknown as Envelope;
      const [begin] = renderEnvelope(envelope, { invoker: "user", uid: 7 });
      const { origin, ...read } = parseBegin(begin) ?? assert.fail("a rendered envelope is not understood");
      assert.deepEqual([origin, read], [{ invoker: "user", uid: 7 }, envelope]);
    },
  ),
  target("frames", fc.tuple(fc.oneof(doorFrames, tornFrom(doorFrames), octets(60)), cuts), async ([text, sizes]) => {
    assert.deepEqual(await framesIn(text, sizes), await framesIn(text, []));
  }),
  target("courier", fc.tuple(fc.oneof(courierFrames, tornFrom(courierFrames)), cuts), async ([text, sizes]) => {
    assert.deepEqual(await courier(text, sizes), await courier(text, []));
  }),
  target("courier-pull", fc.tuple(fc.maxSafeNat(), fc.nat(262_144), octets(12)), ([offset, length, junk]) => {
    assert.deepEqual(parsePull(renderPull(offset, length)), { offset, length });
    parsePull(Buffer.from(junk, "latin1"));
  }),
  target("remote-report", fc.oneof(mixOf(["r", "s", "h", "K", "Z", "D", "\0", "text\n"]), octets(40)), (text) => {
    const report = parseReport(text);
    assert.deepEqual(parseReport(renderReport(report)), report);
  }),
  target("dns-packet", fc.oneof(dnsPacket, tornFrom(dnsPacket), octets(80)), (text) => {
    const question = { name: "a.test", type: "MX" } as const;
    const reply = decodeReply(
      Buffer.from(text, "latin1"),
      text.length > 1 ? Buffer.from(text, "latin1").readUInt16BE(0) : 0,
      question,
    );
    if (typeof reply === "string") return;
    const reading = readAnswer(reply, "a.test", "MX", 0);
    if (reading.kind !== "temporary") assert.ok(reading.ttlSeconds >= 0 && reading.ttlSeconds <= 86_400);
    if (reading.kind === "records")
      for (const { name, type } of reading.records) assert.ok(name !== undefined && type === "MX");
    if (reading.kind === "alias") dnsName(reading.target);
  }),
  target("dns-name", fc.oneof(mixOf(["a", "xn--", "test", "\xc3\xa9", "..", "*"]), octets(70)), (text) => {
    const name = dnsName(text);
    if (name === null) return;
    assert.equal(dnsName(name), name);
    // Every name that may be asked for can be put into a question.
    encode({ type: "query", questions: [{ type: "A", name, class: "IN" }] });
  }),
  target("proxy-header", fc.tuple(fc.oneof(proxyText, proxyBinary, octets(30)), fc.nat(120)), ([text, cut]) => {
    const bytes = Buffer.from(text, "latin1");
    const whole = readProxyHeader(bytes);
    const part = readProxyHeader(bytes.subarray(0, cut));
    if (whole !== null && whole !== "short") assert.ok(whole.next <= bytes.length);
    // What was said of the beginning stays true when more arrives.
    if (part !== "short" && cut < bytes.length) assert.deepEqual(part, whole);
  }),
];
