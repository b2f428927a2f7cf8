/** SMTP: grammar, the server's whole session, DATA, the client's side. */
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import fc from "fast-check";
import { fromBytes } from "#bytes";
import { LineWire, WireError } from "#net";
import { DataDecoder, renderReply, splitCommand } from "#smtp";
import { BodyEncoder } from "../../src/smtp/client/body-encoder.ts";
import { parseExtensions, readReply } from "../../src/smtp/client/reply.ts";
import { decodeXtext, parseParameters } from "../../src/smtp/grammar/parameters.ts";
import { maxPathBytes, parsePath } from "../../src/smtp/grammar/path.ts";
import { HopCounter } from "../../src/smtp/server/hop-counter.ts";
import { cuts, inPieces, mixOf, octets, tornFrom } from "./inputs.ts";
import { play } from "./play-session.ts";
import { referenceMessages } from "./reference-smtp.ts";
import { type Target, target } from "./target.ts";

const commandWords = [
  "MAIL FROM:",
  "RCPT TO:",
  "<a@b.test>",
  "SIZE=1",
  "BODY=8BITMIME",
  "<@r.test,@s.test:a@b>",
  '"a b"@c',
  "data",
];

/** Adds up to a message and says how it ended. */
function decoded(
  text: string,
  sizes: readonly number[],
  dots: boolean,
): { kind: string; message: string; rest: string } {
  const decoder = new DataDecoder({ dots });
  let message = "";
  const pieces = inPieces(text, sizes);
  for (const [at, piece] of pieces.entries()) {
    const { kind, bytes, rest } = decoder.decode(piece);
    message += fromBytes(bytes);
    if (kind === "bare-lf") return { kind, message: "", rest: "" };
    if (kind === "end") return { kind, message, rest: fromBytes(Buffer.concat([rest, ...pieces.slice(at + 1)])) };
  }
  return dots
    ? { kind: "more", message: "", rest: "" }
    : { kind: "more", message: message + fromBytes(decoder.finish()), rest: "" };
}

/** RFC 5321 §4.5.2 by the letter: what a receiver that knows CRLF only takes DATA's bytes for. */
function referenceData(text: string): { kind: string; message: string; rest: string } {
  const end = text.startsWith(".\r\n") ? 0 : text.indexOf("\r\n.\r\n") + 2;
  const whole = end === 1 ? null : text.slice(0, end);
  if (/(?<!\r)\n/.test(whole ?? text)) return { kind: "bare-lf", message: "", rest: "" };
  if (whole === null) return { kind: "more", message: "", rest: "" };
  const lines = whole === "" ? [] : whole.slice(0, -2).split("\r\n");
  // A dot before a CR that ends no line stays, as in qmail; the sender of such a line is no SMTP client.
  const message = lines.map((line) => `${line.replace(/^\.(?!\r)/, "")}\n`).join("");
  return { kind: "end", message, rest: text.slice(end + 3) };
}

const dataText = mixOf(["\r\n", "\r\n.\r\n", "\r\n..", "a", "\r\r\n", "\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "."], 30);

const sessionText = mixOf(
  [
    "EHLO c.test\r\n",
    "MAIL FROM:<a@far.test>\r\n",
    "RCPT TO:<b@here.test>\r\n",
    "RCPT TO:<c@here.test>\r\n",
    "DATA\r\n",
    "\r\n.\r\n",
    "hello\r\n",
    "Subject: x\r\n\r\n",
    "RSET\r\n",
    "QUIT\r\n",
    "MAIL FROM:<a@far.test>\r\nRCPT TO:<b@here.test>\r\nDATA\r\n",
    "\r\n.\r\nMAIL FROM:<evil@far.test>\r\nRCPT TO:<c@here.test>\r\nDATA\r\n",
    "\n.\r\n",
    "\r\n.\n",
    "\r.\r",
    "\n.\n",
    "\0.\r\n",
  ],
  18,
);

async function replyOf(text: string, sizes: readonly number[]): Promise<string> {
  const stream = new PassThrough();
  const wire = new LineWire(stream, 5_000);
  for (const piece of inPieces(text, sizes)) stream.write(piece);
  stream.end();
  try {
    return JSON.stringify(await readReply(wire));
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return error.kind;
  } finally {
    stream.destroy();
  }
}

export const smtpTargets: readonly Target[] = [
  target("smtp-command", fc.oneof(mixOf(commandWords), octets(100)), (line) => {
    const { verb, argument } = splitCommand(line);
    assert.ok(!verb.includes(" ") && !`${verb}${argument}`.includes("\0"));
    assert.doesNotMatch(verb, /[A-Z]/);
    assert.ok(parseParameters(argument).size <= 32);
    const text = decodeXtext(argument);
    assert.ok(text === null || text.length <= argument.length);
    const path = parsePath(argument);
    if (path === null) return assert.ok(argument.length > maxPathBytes);
    assert.ok(path.address.length <= maxPathBytes && argument.includes(path.parameters));
  }),
  target(
    "smtp-path-round-trip",
    fc.tuple(
      octets(60).filter((t) => !t.includes("\0")),
      octets(20),
    ),
    ([local, domain]) => {
      // Whatever may stand in an address comes back from its quoted form.
      const quoted = `"${local.replace(/[\\"]/g, "\\$&")}"@${domain.replace(/[^a-z.]/g, "")}`;
      assert.equal(parsePath(`TO:<${quoted}>`)?.address, `${local}@${domain.replace(/[^a-z.]/g, "")}`);
    },
  ),
  target(
    "smtp-reply",
    fc.tuple(fc.array(octets(40), { minLength: 1, maxLength: 4 }), fc.boolean()),
    async ([lines, extended]) => {
      const [first = "", ...others] = lines;
      const wire = renderReply({ code: 250, enhanced: "2.0.0", lines: [first, ...others] }, extended);
      assert.equal(wire.split("\r\n").length, lines.length + 1);
      assert.ok(!/(?<!\r)\n|\r(?!\n)|\0/.test(wire));
      const read = JSON.parse(await replyOf(wire, [])) as { code: number; isGarbage: boolean };
      assert.deepEqual([read.code, read.isGarbage], [250, false]);
    },
  ),
  target("smtp-data", fc.tuple(dataText, cuts), ([text, sizes]) => {
    const whole = decoded(text, [], true);
    assert.deepEqual(whole, referenceData(text));
    assert.deepEqual(decoded(text, sizes, true), whole);
    assert.deepEqual(decoded(text, [1], true), whole);
  }),
  target("smtp-bdat", fc.tuple(dataText, cuts), ([text, sizes]) => {
    const whole = decoded(text, [], false);
    assert.deepEqual(decoded(text, sizes, false), whole);
    if (whole.kind === "bare-lf") return assert.match(text, /(?<!\r)\n/);
    const lines = text.replaceAll("\r\n", "\n");
    assert.equal(whole.message, lines === "" || lines.endsWith("\n") ? lines : `${lines}\n`);
  }),
  target("smtp-data-round-trip", fc.tuple(mixOf(["\n", "\n.", "a", "..", "\n\n"]), cuts), ([text, sizes]) => {
    const encoder = new BodyEncoder();
    const wire = fromBytes(Buffer.concat(inPieces(text, sizes).map((piece) => encoder.push(piece)))) + encoder.end();
    // Bare CRs become line ends on the way out; everything else comes back as it was.
    const lines = text.replace(/\r\n?/g, "\n");
    const expected = lines === "" || lines.endsWith("\n") ? lines : `${lines}\n`;
    assert.deepEqual(decoded(wire, sizes, true), { kind: "end", message: expected, rest: "" });
  }),
  target("smtp-session", fc.tuple(sessionText, cuts), async ([text, sizes]) => {
    const whole = await play(text, []);
    assert.deepEqual(whole.messages, referenceMessages(text));
    assert.deepEqual(await play(text, sizes), whole);
    for (const line of whole.said.split("\r\n")) assert.match(line, /^(?:[2-5][0-9][0-9][ -][^\r\n\0]*)?$/);
  }),
  target(
    "smtp-client-reply",
    fc.tuple(mixOf(["250 ok\r\n", "250-a\r\n", "451 later\r\n", "2", "50", "-", "\r\n"]), cuts),
    async ([text, sizes]) => {
      assert.equal(await replyOf(text, sizes), await replyOf(text, []));
      parseExtensions(text);
    },
  ),
  target(
    "hop-counter",
    fc.tuple(mixOf(["Received: x\n", "received:", "Delivered-To: y\n", "Received-SPF: z\n", "\n", "\n\n", " x"]), cuts),
    ([text, sizes]) => {
      const count = (some: readonly number[]): number => {
        const counter = new HopCounter();
        for (const piece of inPieces(text, some)) counter.look(piece);
        return counter.hops;
      };
      const blank = text.startsWith("\n") ? 0 : text.indexOf("\n\n") + 1;
      const header = text.startsWith("\n") ? "" : blank === 0 ? text : text.slice(0, blank);
      const expected = header.split("\n").filter((line) => /^(?:received|delivered-to):/i.test(line)).length;
      assert.equal(count([]), expected);
      assert.equal(count(sizes), expected);
    },
  ),
  target("smtp-torn-session", fc.tuple(tornFrom(sessionText), cuts), async ([text, sizes]) => {
    assert.deepEqual((await play(text, sizes)).messages, (await play(text, [])).messages);
  }),
];
