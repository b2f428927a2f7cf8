import { isUtf8 } from "node:buffer";
import { type ByteString, displayText, toBytes } from "#bytes";
import { type Address, quoteAddress, quoteLocalPart, type ReversePath } from "#mail";
import { mailDate } from "#message";
import { bounceRecipient } from "./bounce-recipient.ts";
import { deliveryStatus, needsUtf8 } from "./delivery-status.ts";
import { type BounceFailure, oneLine } from "./failure.ts";
import { qsbmfParagraphs, separators, truncationNote } from "./qsbmf.ts";

/**
 * `qsbmf`: the classic body, byte for byte. `mime`: `multipart/report` (RFC 3464) whose first part reads as QSBMF. `both`: the
 * same, and the MIME preamble repeats the QSBMF paragraphs, so that the body itself begins with `Hi. This is the`.
 *
 * Who reads which. Mail readers and list managers that know RFC 3464 (Mailman, Sympa, Sisimai, phpList) read the report part of
 * `mime` and `both`. Those that look for the QSBMF introduction in any text (Mailman's qmail module) read the first part.
 * Those that go by the letter of QSBMF ("its body begins with", ezmlm-return, qmail's own scripts) never see
 * a part: to them the preamble is the whole report, which ends in a paragraph that begins with `-`, as the format asks.
 * MIME readers skip a preamble (RFC 2046 §5.1.1). Only who takes the ORIGINAL from behind the break paragraph needs `qsbmf`.
 */
export type BounceFormat = "qsbmf" | "mime" | "both";

/** control/bounceformat as a format; null if it is none of the three. */
export function bounceFormat(text: ByteString): BounceFormat | null {
  return text === "qsbmf" || text === "mime" || text === "both" ? text : null;
}

/** All a bounce is made of. */
export type BounceInput = {
  readonly kind: "single" | "double";
  readonly to: Address;
  /** control/bouncefrom: the local part of From. */
  readonly bounceFrom: ByteString;
  /** control/bouncehost. */
  readonly bounceHost: ByteString;
  /** The original message's envelope sender. */
  readonly sender: ReversePath;
  readonly failures: readonly BounceFailure[];
  readonly now: Date;
  /** When the original entered the queue. */
  readonly bornAt: Date;
  /** Makes the Message-ID and the MIME boundary: letters, digits, `.`; 40 at most, with 64 random bits in it, so that no original can hold it. */
  readonly unique: string;
  /** `headerBytes`: where the original's body begins (`scanHeader(...).bodyAt`). */
  readonly original: { readonly sizeBytes: number; readonly headerBytes: number };
  /** Default `both`. */
  readonly format?: BounceFormat;
  /** control/bouncemaxbytes: how much of the original is copied; 0 (default) = all. */
  readonly maxCopyBytes?: number;
  /** control/bouncesubject; null = `failure notice`. */
  readonly subject?: ByteString | null;
  /** control/custombouncetext, any number of lines; null = none. */
  readonly text?: ByteString | null;
};

/** A bounce is `head`, bytes 0..`copyBytes` of the original, `tail`. LF line ends, no Received line. */
export type Bounce = { readonly head: Buffer; readonly tail: Buffer; readonly copyBytes: number };

/** A subject as it may stand in a header: UTF-8 becomes an encoded word (RFC 2047 §2), other octets `?`. */
function headerText(text: ByteString): ByteString {
  const line = oneLine(text);
  if (!/[\x80-\xff]/.test(line)) return line;
  if (!isUtf8(toBytes(line))) return line.replace(/[\x80-\xff]/g, "?");
  // An encoded word holds 75 characters at most: 12 for its frame, so 45 octets in base64, never within a character.
  const words: string[] = [];
  let run = "";
  for (const character of displayText(line)) {
    if (Buffer.byteLength(run + character) > 45) {
      words.push(run);
      run = "";
    }
    run += character;
  }
  return [...words, run].map((word) => `=?utf-8?B?${Buffer.from(word).toString("base64")}?=`).join("\n ");
}

/** A preamble longer than this is left out: nobody's script takes such a report apart, and its text is in the first part. */
const maxPreambleBytes = 256 * 1024;

const stamp = (moment: Date): string =>
  moment
    .toISOString()
    .replace(/[^0-9]/g, "")
    .slice(0, 14);

function header(input: BounceInput): ByteString {
  const from = `${quoteLocalPart(input.bounceFrom)}@${input.bounceHost}`;
  return `Date: ${mailDate(input.now)}
From: ${oneLine(from)}
To: ${oneLine(quoteAddress(input.to))}
Subject: ${headerText(input.subject ?? "failure notice")}
Message-ID: <${stamp(input.now)}.${input.unique}.bounce@${oneLine(input.bounceHost)}>
Auto-Submitted: auto-replied
`;
}

function returnPath(sender: ReversePath): ByteString {
  const plan = bounceRecipient(sender);
  return `Return-Path: <${oneLine(quoteAddress(plan.kind === "single" ? plan.to : sender))}>\n`;
}

/** How much is copied: all, or the first `maxCopyBytes`. */
function copyLength(input: BounceInput): { readonly bytes: number; readonly cut: boolean } {
  const max = input.maxCopyBytes ?? 0;
  const cut = max > 0 && input.original.sizeBytes > max;
  return { bytes: cut ? max : input.original.sizeBytes, cut };
}

const paragraphsOf = (input: BounceInput): ByteString =>
  qsbmfParagraphs({ kind: input.kind, host: input.bounceHost, failures: input.failures, text: input.text ?? null });

function composeQsbmf(input: BounceInput): Bounce {
  const copy = copyLength(input);
  const head = `${header(input)}\n${paragraphsOf(input)}${separators[input.kind]}${returnPath(input.sender)}`;
  return { head: toBytes(head), copyBytes: copy.bytes, tail: toBytes(copy.cut ? `\n\n${truncationNote}` : "") };
}

/** The charset label of the text part, honest about what reports of foreign hosts may hold. */
function textCharset(text: ByteString): string {
  if (!/[\x80-\xff]/.test(text)) return "us-ascii";
  return isUtf8(toBytes(text)) ? "utf-8" : "unknown-8bit"; // RFC 1428 §3
}

/** A line no text we wrote contains; the original cannot contain it either, for it could not know `unique`. */
function boundaryFor(unique: string, written: ByteString): string {
  let boundary = `=_bounce_${unique}`;
  while (written.includes(`--${boundary}`)) boundary += "_";
  return boundary;
}

/** Types of the second and third part: RFC 3464's (its second part is 7bit, §2.1), or RFC 6533's when an address is in UTF-8; only header fields when cut. */
function partTypes(input: BounceInput, cut: boolean): { readonly status: string; readonly copy: string } {
  const utf8 = [input.to, input.sender, ...input.failures.map((failure) => failure.recipient)].some(needsUtf8);
  if (utf8)
    return {
      status: "message/global-delivery-status\nContent-Transfer-Encoding: 8bit",
      copy: cut ? "message/global-headers" : "message/global",
    };
  return { status: "message/delivery-status", copy: cut ? "text/rfc822-headers" : "message/rfc822" };
}

function composeMime(input: BounceInput, withPreamble: boolean): Bounce {
  const copy = copyLength(input);
  const paragraphs = paragraphsOf(input);
  const separator = copy.cut
    ? `--- Below this line are the first header fields of the message.\n${truncationNote}\n`
    : separators[input.kind];
  const status = deliveryStatus({ host: input.bounceHost, bornAt: input.bornAt, failures: input.failures });
  const types = partTypes(input, copy.cut);
  const boundary = boundaryFor(input.unique, paragraphs + separator + status);
  const preamble =
    withPreamble && paragraphs.length <= maxPreambleBytes
      ? `${paragraphs}--- Below this line is the same report in parts (MIME).\n\n`
      : "";
  const head = `${header(input)}MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
 boundary="${boundary}"
Content-Transfer-Encoding: 8bit

${preamble}--${boundary}
Content-Type: text/plain; charset=${textCharset(paragraphs)}
Content-Transfer-Encoding: 8bit

${paragraphs}${separator}--${boundary}
Content-Type: ${types.status}

${status}
--${boundary}
Content-Type: ${types.copy}
Content-Transfer-Encoding: 8bit

${returnPath(input.sender)}`;
  // A cut copy is header fields only: half a body under its own MIME header would be a broken message (RFC 6522 §4).
  const copyBytes = copy.cut ? Math.min(copy.bytes, input.original.headerBytes) : copy.bytes;
  return { head: toBytes(head), copyBytes, tail: toBytes(`\n--${boundary}--\n`) };
}

/** The bytes around the copy of the original in a report of failure (spec 4.8; RFC 3464 unless the format is `qsbmf`). */
export function composeBounce(input: BounceInput): Bounce {
  const format = input.format ?? "both";
  return format === "qsbmf" ? composeQsbmf(input) : composeMime(input, format === "both");
}
