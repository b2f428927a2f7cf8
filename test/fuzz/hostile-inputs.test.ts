/**
 * Time stays in proportion to length: a lot of what a grammar likes least is read in a moment (`QUAIL_LARGE` bytes; a quarter of a
 * megabyte in the ordinary run). A parser that looks at
 * everything again for each octet would take minutes; the bounds here are far from both.
 */
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { parseQsbmf } from "#bounce";
import { toBytes } from "#bytes";
import { catalogue, checkText } from "#control";
import { QueueEnvelopeReader } from "#inject";
import { parseInstructions } from "#local";
import { readStamped, safe } from "#log";
import { quoteMboxrd } from "#mailbox";
import { rewriteAddressField, scanHeader, splitHeader, tokenize } from "#message";
import { parseTcpRules, readProxyHeader } from "#net";
import { parsePlainCommand } from "#process";
import { NetstringEnd, serveQmqpPackage, serveQmtp } from "#qmtp";
import { DataDecoder, parseParameters, parsePath, splitCommand } from "#smtp";
import { parseAssign, parsePasswd } from "#users";
import { decodeReply } from "../../src/dns/packet.ts";
import { parseBegin, parseMore, parseTell } from "../../src/qmtp/door-protocol.ts";
import { BodyEncoder } from "../../src/smtp/client/body-encoder.ts";
import { parseExtensions } from "../../src/smtp/client/reply.ts";
import { decodeXtext } from "../../src/smtp/grammar/parameters.ts";
import { HopCounter } from "../../src/smtp/server/hop-counter.ts";

const smallBytes = 32 * 1024;
const largeBytes = Number(process.env.QUAIL_LARGE ?? 256 * 1024);
/**
 * CPU time for each of them, in milliseconds, on a machine that does other things too (the slowest takes a quarter of it: QMTP, a megabyte
 * of empty recipients). What grows with the square of the length needs minutes.
 */
const smallLimitMs = 1_000;
const largeLimitMs = 8_000;

/** What is repeated, and what stands before and behind. */
const shapes: readonly (readonly [before: string, again: string, behind: string])[] = [
  ["", "a", ""],
  ["", " ", "x"],
  ["a", "\t", "b"],
  ["", "\n", ""],
  ["x", " \n", "y"],
  ["", "\r\n", ""],
  ["", "\r", ""],
  ["", "\0", ""],
  ["", ".", ""],
  ["", "\r\n.", ""],
  ["", "(", ""],
  ["", ")", ""],
  ["To: ", "<", ""],
  ["To: ", ",", ""],
  ["To: ", "a,", ""],
  ["To: ", "a b ", ""],
  ["To: ", ";:", ""],
  ["", '"', ""],
  ["", "\\", ""],
  ["", '\\"', ""],
  ["<", "@a,", ":b@c>"],
  ["<", "@", ">"],
  ["", ">", "From "],
  ["", "From ", ""],
  ["", ">From \n", ""],
  ["", "A: b\n", "\n"],
  ["", "Received: x\n", ""],
  ["a", " ", ":"],
  ["", "a@b\0", ""],
  ["", "0:,", ""],
  ["1", "0", ":"],
  ["", "[", "]"],
  ["{", '"a":1,', "}"],
  ["", "$A", ""],
  ["", "${", ""],
  ["", "1.2.3.4:allow\n", ""],
  ["", "1-255.", ":allow"],
  ["", "=a:b:c:d:e:f:g:\n", ".\n"],
  ["", ":", ""],
  ["", "<a@b>:\n\n", ""],
  ["Hi. This is the\n\n", "<a@b>:\nx\n\n", ""],
  ["", "+", ""],
  ["", "=", ""],
  ["", "%", "@a"],
  ["", "250-a\n", ""],
  ["", "F", "\0"],
];

const house = {
  post: () => ({ write() {}, finish: async () => ({ fate: "done", text: "", queueId: 1 }) as const, abort() {} }),
  traceLine: () => "",
  now: () => new Date(0),
  qp: 1,
};

async function orEnd(run: Promise<unknown>): Promise<void> {
  await run.catch((error: unknown) => {
    if (!(error instanceof NetstringEnd)) throw error;
  });
}

const parsers: ReadonlyMap<string, (text: string, bytes: Buffer) => unknown> = new Map<
  string,
  (text: string, bytes: Buffer) => unknown
>([
  ["splitCommand", (text) => splitCommand(text)],
  ["parsePath", (text) => parsePath(text)],
  ["parseParameters", (text) => parseParameters(text)],
  ["decodeXtext", (text) => decodeXtext(text)],
  ["DataDecoder", (_, bytes) => new DataDecoder({ dots: true }).decode(Buffer.from(bytes))],
  ["BodyEncoder", (_, bytes) => new BodyEncoder().push(bytes)],
  ["HopCounter", (_, bytes) => new HopCounter().look(bytes)],
  ["parseExtensions", (text) => parseExtensions(text)],
  ["tokenize", (text) => tokenize(text)],
  ["rewriteAddressField", (text) => rewriteAddressField(text, (address) => address)],
  ["splitHeader", (_, bytes) => splitHeader(bytes)],
  ["scanHeader", (_, bytes) => scanHeader(bytes)],
  ["quoteMboxrd", (_, bytes) => quoteMboxrd().push(bytes)],
  ["parseInstructions", (text) => parseInstructions(text)],
  ["parsePlainCommand", (text) => parsePlainCommand(text, { A: "b" })],
  ["parseAssign", (text) => parseAssign(text)],
  ["parsePasswd", (text) => parsePasswd(text)],
  ["parseTcpRules", (text) => parseTcpRules(text)],
  ["readProxyHeader", (_, bytes) => readProxyHeader(bytes)],
  ["parseQsbmf", (text) => parseQsbmf(text)],
  ["safe", (text) => safe(text)],
  ["readStamped", (text) => readStamped(text)],
  ["QueueEnvelopeReader", (_, bytes) => new QueueEnvelopeReader(1000).push(bytes)],
  ["parseBegin", (_, bytes) => parseBegin(bytes)],
  ["parseMore", (_, bytes) => parseMore(bytes)],
  ["parseTell", (_, bytes) => parseTell(bytes)],
  ["checkText of a list", (text) => checkText("locals", catalogue.get("locals")!, text)],
  ["checkText of a map", (text) => checkText("virtualdomains", catalogue.get("virtualdomains")!, text)],
  ["checkText of a value", (text) => checkText("me", catalogue.get("me")!, text)],
  [
    "QMTP",
    (_, bytes) =>
      orEnd(
        serveQmtp(Readable.from([Buffer.from(`2:\nx,0:,${bytes.length}:`), bytes]), async () => {}, {
          ...house,
          allows: () => true,
          relayClient: null,
          dataBytes: 0,
        }),
      ),
  ],
  [
    "QMQP",
    (_, bytes) => orEnd(serveQmqpPackage(Readable.from([Buffer.from(`${bytes.length + 4}:1:x,`), bytes]), house)),
  ],
]);

async function cpuMs(run: () => unknown): Promise<number> {
  const begun = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / 1000;
}

for (const [name, parse] of parsers) {
  test(`${name} reads a lot of anything in time in proportion`, async () => {
    for (const [before, again, behind] of shapes) {
      for (const [length, limitMs] of [
        [smallBytes, smallLimitMs],
        [largeBytes, largeLimitMs],
      ] as const) {
        const text = before + again.repeat(length / again.length) + behind;
        const bytes = toBytes(text);
        const ms = await cpuMs(() => parse(text, bytes));
        assert.ok(
          ms < limitMs,
          `${JSON.stringify([before, again, behind])} of ${length} bytes: ${ms.toFixed(0)} ms of CPU`,
        );
      }
    }
  });
}

test("a DNS answer whose names hang on a long chain of pointers is read in time in proportion", async () => {
  // 15,000 pointers, each to the one before, within the data of one record; then as many records as fit, each named by the last.
  const head = Buffer.from("000781800001000000000000016104746573740000010001".padEnd(48, "0"), "hex");
  const chainAt = 24 + 12;
  const chain = Buffer.alloc(30_000);
  for (let at = 0; at < chain.length; at += 2)
    chain.writeUInt16BE(0xc000 | Math.max(12, Math.min(0x3fff, at === 0 ? 12 : chainAt + at - 2)), at);
  const first = Buffer.from("c00c00100001000000000000", "hex");
  first.writeUInt16BE(chain.length, 10);
  const last = Buffer.from("c00000010001000000000004c0000201", "hex");
  last.writeUInt16BE(0xc000 | 0x3ff0, 0);
  const records: Buffer[] = Array.from({ length: 2000 }, () => last);
  head.writeUInt16BE(1 + records.length, 6);
  const packet = Buffer.concat([head, first, chain, ...records]).subarray(0, 65_535);
  const ms = await cpuMs(() => decodeReply(packet, 7, { name: "a.test", type: "A" }));
  assert.ok(ms < largeLimitMs, `${ms.toFixed(0)} ms of CPU`);
});
