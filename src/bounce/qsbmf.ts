import type { ByteString } from "#bytes";
import { type BounceFailure, failureParagraph, oneLine, reportShare } from "./failure.ts";

/** What a recognisable report begins with (QSBMF: "its body begins with the characters `Hi. This is the`"). */
export const introduction = "Hi. This is the";

const explanations = {
  single: `I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.
`,
  double: `I tried to deliver a bounce message to this address, but the bounce bounced!
`,
} as const;

/** The line above the copy, in its own paragraph. */
export const separators = {
  single: "--- Below this line is a copy of the message.\n\n",
  double: "--- Below this line is the original bounce.\n\n",
} as const;

/** Says, after a cut copy, that it was cut (bouncemaxbytes; Q-098). */
export const truncationNote = "--- Rest of message truncated.\n";

/**
 * The admin's own words (custombouncetext) as lines of the introductory paragraph: a paragraph of their own is not in the format, so
 * empty lines go and the rest stays readable to every QSBMF parser.
 */
function customLines(text: ByteString | null): ByteString {
  const lines = (text ?? "").split(/\r*\n/).filter((line) => line.trim() !== "");
  return lines.map((line) => `${line.replace(/[\r\0]/g, "_")}\n`).join("");
}

/** Introduction and recipient paragraphs; what follows is the break paragraph (spec 4.8). */
export function qsbmfParagraphs(report: {
  readonly kind: "single" | "double";
  readonly host: ByteString;
  readonly failures: readonly BounceFailure[];
  readonly text: ByteString | null;
}): ByteString {
  const share = reportShare(report.failures.length);
  const intro = `${introduction} qmail-send program at ${oneLine(report.host)}.\n${explanations[report.kind]}`;
  const paragraphs = report.failures.map((failure) => failureParagraph(failure, share));
  return `${intro}${customLines(report.text)}\n${paragraphs.join("")}`;
}
