import { type ByteString, toBytes } from "#bytes";
import type { ReversePath } from "#mail";
import { deliveryStatus } from "./delivery-status.ts";
import type { BounceFailure } from "./failure.ts";
import { qsbmfParagraphs, separators, truncationNote } from "./qsbmf.ts";
import { multipartReport, type ReportHeader, reportHeader, returnPath } from "./report-parts.ts";

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
export type BounceInput = ReportHeader & {
  readonly kind: "single" | "double";
  /** The original message's envelope sender. */
  readonly sender: ReversePath;
  readonly failures: readonly BounceFailure[];
  /** When the original entered the queue. */
  readonly bornAt: Date;
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

/** A preamble longer than this is left out: nobody's script takes such a report apart, and its text is in the first part. */
const maxPreambleBytes = 256 * 1024;

const header = (input: BounceInput): ByteString => reportHeader(input, "bounce", input.subject ?? "failure notice");

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

function composeMime(input: BounceInput, withPreamble: boolean): Bounce {
  const copy = copyLength(input);
  const paragraphs = paragraphsOf(input);
  const separator = copy.cut
    ? `--- Below this line are the first header fields of the message.\n${truncationNote}\n`
    : separators[input.kind];
  const preamble =
    withPreamble && paragraphs.length <= maxPreambleBytes
      ? `${paragraphs}--- Below this line is the same report in parts (MIME).\n\n`
      : "";
  const report = multipartReport({
    header: header(input),
    addresses: [input.to, input.sender, ...input.failures.map((failure) => failure.recipient)],
    unique: input.unique,
    preamble,
    text: paragraphs + separator,
    status: deliveryStatus({ host: input.bounceHost, bornAt: input.bornAt, failures: input.failures }),
    sender: input.sender,
    headerOnly: copy.cut,
  });
  // A cut copy is header fields only: half a body under its own MIME header would be a broken message (RFC 6522 §4).
  const copyBytes = copy.cut ? Math.min(copy.bytes, input.original.headerBytes) : copy.bytes;
  return { ...report, copyBytes };
}

/** The bytes around the copy of the original in a report of failure (spec 4.8; RFC 3464 unless the format is `qsbmf`). */
export function composeBounce(input: BounceInput): Bounce {
  const format = input.format ?? "both";
  return format === "qsbmf" ? composeQsbmf(input) : composeMime(input, format === "both");
}
