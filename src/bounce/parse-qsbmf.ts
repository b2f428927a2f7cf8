import type { ByteString } from "#bytes";
import { introduction } from "./qsbmf.ts";

/** What a QSBMF report says. */
export type QsbmfReport = {
  /** The introductory paragraph, its lines joined by LF. */
  readonly introduction: ByteString;
  readonly failures: readonly { readonly recipient: ByteString; readonly report: ByteString }[];
  /** What stands below the break paragraph, as it is (Return-Path line first in the classic format). */
  readonly original: ByteString;
};

/** Recipient paragraphs looked at; the rest of a report is no report. */
const maxParagraphs = 100_000;

/** Cuts at the next blank line: the paragraph without its last LF, and where the next one begins. */
function paragraphAt(text: ByteString, at: number): { readonly paragraph: ByteString; readonly next: number } {
  const end = text.indexOf("\n\n", at);
  return end < 0
    ? { paragraph: text.slice(at).replace(/\n$/, ""), next: text.length }
    : { paragraph: text.slice(at, end), next: end + 2 };
}

/** Where the report begins: at the body, or (MIME without a preamble) in the first part. -1: nowhere. */
function reportStart(message: ByteString): number {
  if (message.startsWith(introduction)) return 0;
  const body = message.indexOf("\n\n") + 2;
  if (body < 2) return -1;
  if (message.startsWith(introduction, body)) return body;
  if (!message.startsWith("--", body)) return -1;
  const part = message.indexOf("\n\n", body) + 2;
  return part >= 2 && message.startsWith(introduction, part) ? part : -1;
}

/**
 * Reads a report of failure as QSBMF describes it: `message` is a whole message with LF line ends, or its body alone. Null if it is
 * none. Paragraphs that begin neither with `<` nor with `-` are left out.
 */
export function parseQsbmf(message: ByteString): QsbmfReport | null {
  const start = reportStart(message);
  if (start < 0) return null;
  const intro = paragraphAt(message, start);
  const failures: { recipient: ByteString; report: ByteString }[] = [];
  let at = intro.next;
  for (let count = 0; at < message.length && count < maxParagraphs; count++) {
    const { paragraph, next } = paragraphAt(message, at);
    if (paragraph.startsWith("-")) {
      return { introduction: intro.paragraph, failures, original: message.slice(next) };
    }
    const named = /^<([^\n]*)>:(?:\n|$)/.exec(paragraph);
    if (named !== null) failures.push({ recipient: named[1]!, report: paragraph.slice(named[0].length) });
    at = next;
  }
  return null;
}
