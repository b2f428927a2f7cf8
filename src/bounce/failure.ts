import type { ByteString } from "#bytes";

/** One recipient that failed for good. */
export type BounceFailure = {
  /** As its sender knows it (see `stripVirtualPrefix` of #users), unquoted. */
  readonly recipient: ByteString;
  /** The report, as qmail words it: `Sorry, no mailbox here by that name. (#5.1.1)` LF. */
  readonly report: ByteString;
  /** Enhanced status (RFC 3463) when known otherwise; else it is read from the report. */
  readonly status?: string;
  /** ORCPT, xtext decoded, address type included: `rfc822;joe@example.org` (RFC 3461 §4.2). */
  readonly originalRecipient?: ByteString;
};

const qmailCode = /\(#([45]\.[0-9]{1,3}\.[0-9]{1,3})\)/;
const remoteCode = /Remote host said: [45][0-9]{2}[ -]([45]\.[0-9]{1,3}\.[0-9]{1,3})[ \n]/;

/**
 * A failure's enhanced status code: what was given, else qmail's `(#x.y.z)` in the report, else the remote host's own, else
 * `5.0.0` (other or undefined, permanent). `statusOf({recipient, report: "Sorry. (#5.1.1)"}) === "5.1.1"`.
 */
export function statusOf(failure: BounceFailure): string {
  return failure.status ?? qmailCode.exec(failure.report)?.[1] ?? remoteCode.exec(failure.report)?.[1] ?? "5.0.0";
}

/** No control characters: for header lines and `<...>:` lines, where a line end would say something of its own. */
export function oneLine(text: ByteString): ByteString {
  return text.replace(/[\x00-\x1f\x7f]/g, "_");
}

/** A report may be at most this long, in bytes; the scheduler keeps 10000 (spec 4.9), this is for other callers. */
const maxReportBytes = 10_000;
/** All reports of one bounce together; with many recipients each one's share shrinks, so that a bounce stays bounded. */
const maxReportsBytes = 1024 * 1024;
const minShareBytes = 100;

/** What each of `count` reports may take, in bytes. */
export function reportShare(count: number): number {
  return Math.min(maxReportBytes, Math.max(minShareBytes, Math.floor(maxReportsBytes / Math.max(count, 1))));
}

function shorten(report: ByteString, share: number): ByteString {
  return report.length <= share ? report : `${report.slice(0, share)}...\n`;
}

/**
 * A failure's QSBMF paragraph, its blank line included (spec 4.8): an LF that follows an LF becomes `/`, so that no report can
 * end the paragraph early, at its very end neither. CR goes, NUL becomes `_`.
 */
export function failureParagraph(failure: BounceFailure, share: number): ByteString {
  const report = shorten(failure.report, share)
    .replace(/\r+\n/g, "\n")
    .replace(/[\r\0]/g, "_")
    .replace(/\n\n+/g, (run) => `\n${"/".repeat(run.length - 1)}`);
  // A report that begins with LF would put an empty line under its recipient just the same.
  const text = report.startsWith("\n") ? `/${report.slice(1)}` : report;
  const ended = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  return `<${oneLine(failure.recipient)}>:\n${ended}\n`;
}
