import type { ByteString } from "#bytes";
import { done, type Outcome, permanent, temporary } from "./outcome.ts";

/** Longest custom text a queue program may give on descriptor 6, in bytes (spec 2.2, exit 82). */
export const maxCustomTextBytes = 255;

/** What each exit code of qmail-queue, or of a QMAILQUEUE replacement, means (spec 2.2; an interface contract). */
const meanings: ReadonlyMap<number, Outcome> = new Map([
  [0, done()],
  [11, permanent("envelope address too long for qq (#5.1.3)")],
  [115, permanent("envelope address too long for qq (#5.1.3)")],
  [31, permanent("mail server permanently rejected message (#5.3.0)")],
  [51, temporary("qq out of memory (#4.3.0)")],
  [52, temporary("qq timeout (#4.3.0)")],
  [53, temporary("qq write error or disk full (#4.3.0)")],
  [54, temporary("qq read error (#4.3.0)")],
  [55, temporary("qq unable to read configuration (#4.3.0)")],
  [56, temporary("qq trouble making network connection (#4.3.0)")],
  [61, temporary("qq trouble in home directory (#4.3.0)")],
  ...[62, 63, 64, 65, 66].map((code) => [code, temporary("qq trouble creating files in queue (#4.3.0)")] as const),
  [71, temporary("mail server temporarily rejected message (#4.3.0)")],
  [72, temporary("connection to mail server timed out (#4.4.1)")],
  [73, temporary("connection to mail server rejected (#4.4.1)")],
  [74, temporary("communication with mail server failed (#4.4.2)")],
  [81, temporary("qq internal bug (#4.3.0)")],
  [91, temporary("qq internal bug (#4.3.0)")],
  [120, temporary("unable to exec qq (#4.3.0)")],
]);

const firstPermanent = 11;
const lastPermanent = 40;
const customCode = 82;
const permanentProblem = permanent("qq permanent problem (#5.3.0)");
const temporaryProblem = temporary("qq temporary problem (#4.3.0)");
const crashed = temporary("qq crashed (#4.3.0)");

/** Custom text: its first letter is the fate (`D` for good, else for now), the rest, up to a NUL, the public text. */
function customOutcome(text: ByteString): Outcome {
  const words = text.slice(0, maxCustomTextBytes).replace(/\0.*$/s, "").trimEnd();
  if (words.length <= 2) return temporaryProblem;
  return words.startsWith("D") ? permanent(words.slice(1)) : temporary(words.slice(1));
}

/**
 * The outcome an exit code of a queue program stands for, worded as the SMTP client or qmail-inject's user sees it. `null`:
 * it was killed by a signal. `customText` is what it wrote on descriptor 6, of use with exit 82 only.
 * Example: `queueExitOutcome(31).text === "mail server permanently rejected message (#5.3.0)"`.
 */
export function queueExitOutcome(code: number | null, customText: ByteString = ""): Outcome {
  if (code === null) return crashed;
  if (code === customCode) return customOutcome(customText);
  const known = meanings.get(code);
  if (known !== undefined) return known;
  return code >= firstPermanent && code <= lastPermanent ? permanentProblem : temporaryProblem;
}

const doneCode = 0;
const rejectedForGood = 31;
const rejectedForNow = 71;
/** The first code of each text; `meanings` is the only place that pairs them. */
const codeOfText: ReadonlyMap<ByteString, number> = new Map(
  [...meanings].reverse().map(([code, { text }]) => [text, code] as const),
);

/** The exit code a queue program gives for an outcome: the inverse of `queueExitOutcome`; 31 or 71 for texts it does not know. */
export function queueExitCode(outcome: Outcome): number {
  if (outcome.fate === "done") return doneCode;
  return codeOfText.get(outcome.text) ?? (outcome.fate === "permanent" ? rejectedForGood : rejectedForNow);
}
