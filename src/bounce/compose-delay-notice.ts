import { type ByteString, toBytes } from "#bytes";
import { mailDate } from "#message";
import type { Bounce, BounceFormat } from "./compose-bounce.ts";
import { deliveryStatus } from "./delivery-status.ts";
import { type BounceFailure, failureParagraph, oneLine, reportShare } from "./failure.ts";
import { multipartReport, type ReportHeader, reportHeader, returnPath } from "./report-parts.ts";

/** All a delay notice is made of. It goes to the sender of the original, `to`. */
export type DelayNoticeInput = ReportHeader & {
  /** Recipients that are still waiting, each with its last report. */
  readonly delayed: readonly BounceFailure[];
  /** When the original entered the queue. */
  readonly bornAt: Date;
  /** When it will be given up. */
  readonly retryUntil: Date;
  /** Where the original's body begins (`scanHeader(...).bodyAt`): so much is copied, never its body (RFC 3461 §4.3). */
  readonly headerBytes: number;
  /** `qsbmf`: text alone; `mime` and `both`: RFC 3464. Default `both`. */
  readonly format?: BounceFormat;
  /** control/bouncemaxbytes; 0 (default) = no limit. */
  readonly maxCopyBytes?: number;
};

/**
 * What people read. It speaks as bounces do, but must not begin as they do: by `Hi. This is the` list managers know a failure, and
 * would take the addresses off their lists.
 */
function paragraphs(input: DelayNoticeInput): ByteString {
  const share = reportShare(input.delayed.length);
  return `Hello, this is the qmail-send program at ${oneLine(input.bounceHost)}.
I haven't been able to deliver your message to the following addresses yet.
I have had it since ${mailDate(input.bornAt)}
and will go on trying until ${mailDate(input.retryUntil)}.
You need not send it again. If I give up, you will hear from me.

${input.delayed.map((recipient) => failureParagraph(recipient, share)).join("")}`;
}

/** The bytes around the copy of the original's header in a delay notice (Q-272; RFC 3464 unless the format is `qsbmf`). */
export function composeDelayNotice(input: DelayNoticeInput): Bounce {
  const header = reportHeader(input, "delay", "delay notice");
  const text = `${paragraphs(input)}--- Below this line are the header fields of the message.\n\n`;
  const max = input.maxCopyBytes ?? 0;
  const copyBytes = max > 0 ? Math.min(max, input.headerBytes) : input.headerBytes;
  if (input.format === "qsbmf") {
    return { head: toBytes(`${header}\n${text}${returnPath(input.to)}`), copyBytes, tail: Buffer.alloc(0) };
  }
  const { bounceHost: host, bornAt, delayed: failures, retryUntil } = input;
  const report = multipartReport({
    header,
    addresses: [input.to, ...failures.map(({ recipient }) => recipient)],
    unique: input.unique,
    preamble: "",
    text,
    status: deliveryStatus({ host, bornAt, failures, retryUntil }),
    sender: input.to,
    headerOnly: true,
  });
  return { ...report, copyBytes };
}
