import { isUtf8 } from "node:buffer";
import { type ByteString, displayText, toBytes } from "#bytes";
import { type Address, quoteAddress, quoteLocalPart, type ReversePath } from "#mail";
import { mailDate } from "#message";
import { bounceRecipient } from "./bounce-recipient.ts";
import { needsUtf8 } from "./delivery-status.ts";
import { oneLine } from "./failure.ts";

/** What the header of a report is made of. */
export type ReportHeader = {
  readonly to: Address;
  /** control/bouncefrom: the local part of From. */
  readonly bounceFrom: ByteString;
  /** control/bouncehost. */
  readonly bounceHost: ByteString;
  readonly now: Date;
  /** Makes the Message-ID and the MIME boundary: letters, digits, `.`; 40 at most, with 64 random bits in it, so that no original can hold it. */
  readonly unique: string;
};

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

const stamp = (moment: Date): string =>
  moment
    .toISOString()
    .replace(/[^0-9]/g, "")
    .slice(0, 14);

/** The fields every report begins with, without MIME's; `kind` stands in the Message-ID. */
export function reportHeader(input: ReportHeader, kind: "bounce" | "delay", subject: ByteString): ByteString {
  const from = `${quoteLocalPart(input.bounceFrom)}@${input.bounceHost}`;
  return `Date: ${mailDate(input.now)}
From: ${oneLine(from)}
To: ${oneLine(quoteAddress(input.to))}
Subject: ${headerText(subject)}
Message-ID: <${stamp(input.now)}.${input.unique}.${kind}@${oneLine(input.bounceHost)}>
Auto-Submitted: auto-replied
`;
}

/** The line above a copy of the original: who sent it. */
export function returnPath(sender: ReversePath): ByteString {
  const plan = bounceRecipient(sender);
  return `Return-Path: <${oneLine(quoteAddress(plan.kind === "single" ? plan.to : sender))}>\n`;
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
function partTypes(
  addresses: readonly ByteString[],
  headerOnly: boolean,
): { readonly status: string; readonly copy: string } {
  if (addresses.some(needsUtf8))
    return {
      status: "message/global-delivery-status\nContent-Transfer-Encoding: 8bit",
      copy: headerOnly ? "message/global-headers" : "message/global",
    };
  return { status: "message/delivery-status", copy: headerOnly ? "text/rfc822-headers" : "message/rfc822" };
}

/** A `multipart/report` (RFC 3464, RFC 6522) around a copy of the original: what stands before it, and after it. */
export function multipartReport(report: {
  /** The first fields of the header. */
  readonly header: ByteString;
  /** All addresses the report names: they decide whether it is an internationalized one. */
  readonly addresses: readonly ByteString[];
  readonly unique: string;
  /** What stands above the parts, for readers who know of none; "" = nothing. */
  readonly preamble: ByteString;
  /** The people's part. */
  readonly text: ByteString;
  /** The machine's part. */
  readonly status: ByteString;
  readonly sender: ReversePath;
  /** The copy is of header fields alone. */
  readonly headerOnly: boolean;
}): { readonly head: Buffer; readonly tail: Buffer } {
  const { text, status } = report;
  const types = partTypes(report.addresses, report.headerOnly);
  const boundary = boundaryFor(report.unique, text + status);
  const head = `${report.header}MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
 boundary="${boundary}"
Content-Transfer-Encoding: 8bit

${report.preamble}--${boundary}
Content-Type: text/plain; charset=${textCharset(text)}
Content-Transfer-Encoding: 8bit

${text}--${boundary}
Content-Type: ${types.status}

${status}
--${boundary}
Content-Type: ${types.copy}
Content-Transfer-Encoding: 8bit

${returnPath(report.sender)}`;
  return { head: toBytes(head), tail: toBytes(`\n--${boundary}--\n`) };
}
