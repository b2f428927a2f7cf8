import { isUtf8 } from "node:buffer";
import { type ByteString, toBytes } from "#bytes";
import { quoteAddress } from "#mail";
import { mailDate } from "#message";
import { type BounceFailure, oneLine, reportShare, statusOf } from "./failure.ts";

/** Longest diagnostic text, in bytes: it is a summary, the whole report stands in the text part. */
const maxDiagnosticBytes = 900;
/** Where lines of a field are folded; RFC 5322 §2.1.1 asks for 78. */
const foldAt = 76;

const isAscii = (text: ByteString): boolean => !/[\x80-\xff]/.test(text);

/** True if this address needs the internationalized form of a report (RFC 6533): UTF-8 and not ASCII. */
export function needsUtf8(address: ByteString): boolean {
  return !isAscii(address) && isUtf8(toBytes(address));
}

/** A field body on folded lines; words that are longer than a line stay whole. */
function folded(field: ByteString): ByteString {
  const lines: ByteString[] = [];
  let line = "";
  for (const word of field.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > foldAt) {
      lines.push(line);
      line = ` ${word}`;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return `${[...lines, line].join("\n")}\n`;
}

/** `smtp; 550 ...` when the remote host's words are in the report (RFC 3464 §2.3.6), else our own report. */
function diagnostic(whole: ByteString, share: number): ByteString {
  const report = whole.length > share ? `${whole.slice(0, share)}...` : whole;
  const remote = /Remote host said: ([2-5][0-9]{2}.*)/s.exec(report)?.[1]?.replace(/\nGiving up on [^\n]*\n?$/, "");
  const text = (remote ?? report)
    .replace(/[\x00-\x20\x7f]+/g, " ")
    .replace(/[\x80-\xff]/g, "?")
    .trim();
  return `${remote === undefined ? "x-qmail" : "smtp"}; ${text}`;
}

/** `rfc822; joe@example.org`, or `utf-8; ...` (RFC 6533 §3). What is neither ASCII nor UTF-8 cannot be said: `?`. */
function typedAddress(address: ByteString): ByteString {
  const shown = oneLine(quoteAddress(address));
  return needsUtf8(shown) ? `utf-8; ${shown}` : `rfc822; ${shown.replace(/[\x80-\xff]/g, "?")}`;
}

function recipientFields(failure: BounceFailure, share: number, retryUntil: Date | undefined): ByteString {
  const original = failure.originalRecipient;
  const isDelayed = retryUntil !== undefined;
  const status = statusOf(failure);
  return [
    original === undefined ? "" : `Original-Recipient: ${oneLine(original).replace(";", "; ")}\n`,
    `Final-Recipient: ${typedAddress(failure.recipient)}\n`,
    `Action: ${isDelayed ? "delayed" : "failed"}\n`,
    // What may still be delivered is of class 4, whatever class a host's word for it was (RFC 3463 §2).
    `Status: ${isDelayed ? `4${status.slice(1)}` : status}\n`,
    failure.report.trim() === "" ? "" : folded(`Diagnostic-Code: ${diagnostic(failure.report, share)}`),
    isDelayed ? `Will-Retry-Until: ${mailDate(retryUntil)}\n` : "",
  ].join("");
}

/** The machine's part of a report (RFC 3464 §2): fields about the message, then a block for each recipient. */
export function deliveryStatus(report: {
  readonly host: ByteString;
  readonly bornAt: Date;
  readonly failures: readonly BounceFailure[];
  /** They have not failed, they are delayed, and will be tried until then. */
  readonly retryUntil?: Date;
}): ByteString {
  const about = `Reporting-MTA: dns; ${oneLine(report.host)}\nArrival-Date: ${mailDate(report.bornAt)}\n`;
  const share = Math.min(maxDiagnosticBytes, reportShare(report.failures.length));
  return [about, ...report.failures.map((failure) => recipientFields(failure, share, report.retryUntil))].join("\n");
}
