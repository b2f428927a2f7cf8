import { type ByteString, lowerAscii } from "#bytes";

/** A command line in two: its verb in lower case, and what follows the blanks after it. */
export type Command = { readonly verb: ByteString; readonly argument: ByteString };

/**
 * Splits a command line as qmail does: the verb runs to the first blank, blanks after it are skipped, a NUL ends the line.
 * Example: `splitCommand("MAIL  FROM:<>")` gives `{ verb: "mail", argument: "FROM:<>" }`.
 */
export function splitCommand(line: ByteString): Command {
  const nul = line.indexOf("\0");
  const text = nul < 0 ? line : line.slice(0, nul);
  const blank = text.indexOf(" ");
  if (blank < 0) return { verb: lowerAscii(text), argument: "" };
  let at = blank + 1;
  while (text[at] === " ") at++;
  return { verb: lowerAscii(text.slice(0, blank)), argument: text.slice(at) };
}
