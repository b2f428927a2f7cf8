import { type ByteString, trimBlanksEnd } from "#bytes";

/** One line of a .qmail file that says something (spec 6.3). Paths as written, relative to the home unless they begin with `/`. */
export type Instruction =
  /** The very first line is blank: the user is in the middle of something, the delivery waits. */
  | { readonly kind: "blank-first" }
  | { readonly kind: "mbox"; readonly path: ByteString }
  | { readonly kind: "maildir"; readonly path: ByteString }
  | { readonly kind: "program"; readonly command: ByteString }
  | { readonly kind: "forward"; readonly address: ByteString }
  /** `+list`: from here on as if the file had its x bit set. */
  | { readonly kind: "forward-only" };

/**
 * The instructions in the text of a .qmail file (or of control/defaultdelivery), in order; comments and blank lines say
 * nothing. Every text is a list of instructions: what looks like nothing else is an address.
 *
 *     parseInstructions("# me\n./Maildir/\n&joe@a.test  \n")   // [{ kind: "maildir", ... }, { kind: "forward", ... }]
 */
export function parseInstructions(text: ByteString): readonly Instruction[] {
  const lines = (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
  return lines.flatMap((line, number) => parseLine(line, number === 0) ?? []);
}

/** A line ends at a NUL (it was a C string), and then without its trailing blanks; leading ones belong to it. */
function trimmed(line: ByteString): ByteString {
  const end = line.indexOf("\0");
  return trimBlanksEnd(end < 0 ? line : line.slice(0, end));
}

function parseLine(whole: ByteString, isFirst: boolean): Instruction | null {
  const line = trimmed(whole);
  const rest = line.slice(1);
  switch (line.charAt(0)) {
    case "":
      return isFirst ? { kind: "blank-first" } : null;
    case "#":
      return null;
    case ".":
    case "/":
      return { kind: line.endsWith("/") ? "maildir" : "mbox", path: line };
    case "|":
      return { kind: "program", command: rest };
    case "+":
      return rest === "list" ? { kind: "forward-only" } : null;
    case "&":
      return { kind: "forward", address: rest };
    default:
      return { kind: "forward", address: line };
  }
}
