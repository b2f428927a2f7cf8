/**
 * `users/assign` (spec 5.4): which addresses belong to whom, by the admin's word. A line is `=local:` (that address) or
 * `+prefix:` (every address that begins so), then `user:uid:gid:home:dash:ext:`; a line with `.` ends the file.
 */
import { type ByteString, lowerAscii, toBytes } from "#bytes";
import { renderCdb } from "#files";

/** One line of users/assign. `local` is as written; `fields` are user, uid, gid, home, dash, ext. */
export type AssignEntry = {
  readonly line: number;
  readonly form: "=" | "+";
  readonly local: ByteString;
  readonly fields: readonly [ByteString, ByteString, ByteString, ByteString, ByteString, ByteString];
};

/** Why users/assign cannot be compiled: the line (from 1) and what was expected there. */
export type MalformedAssign = { readonly kind: "malformed"; readonly line: number; readonly expected: string };

const fieldCount = 6;

function parseLine(text: ByteString, line: number): AssignEntry | MalformedAssign {
  const malformed = (expected: string): MalformedAssign => ({ kind: "malformed", line, expected });
  if (text.includes("\0")) return malformed("no NUL");
  const form = text[0];
  if (form !== "=" && form !== "+") return malformed("a line that begins with = or +, or a final .");
  const [local = "", user, uid, gid, home, dash, ext, end] = text.slice(1).split(":", fieldCount + 2);
  if (user === undefined || uid === undefined || gid === undefined || home === undefined) return malformed("7 colons");
  if (dash === undefined || ext === undefined || end === undefined) return malformed("7 colons");
  return { line, form, local, fields: [user, uid, gid, home, dash, ext] };
}

/**
 * Reads users/assign. All lines up to the final `.` must be well-formed; what follows it is not read. Numbers and paths are
 * not judged here: a wrong one defers its own mail only.
 */
export function parseAssign(text: ByteString): readonly AssignEntry[] | MalformedAssign {
  const lines = text.split("\n");
  const entries: AssignEntry[] = [];
  for (const [index, content] of lines.entries()) {
    if (content.startsWith(".")) return entries;
    // The last piece has no LF: an unfinished line, or nothing.
    if (index === lines.length - 1) break;
    const entry = parseLine(content, index + 1);
    if ("kind" in entry) return entry;
    entries.push(entry);
  }
  return { kind: "malformed", line: lines.length, expected: "a line with a single . at the end of the file" };
}

/** The cdb key of an exact address. */
export const exactKey = (local: ByteString): Buffer => toBytes(`!${lowerAscii(local)}\0`);

/** The cdb key of a wildcard. */
export const wildcardKey = (prefix: ByteString): Buffer => toBytes(`!${lowerAscii(prefix)}`);

/**
 * The bytes of users/cdb for these entries. The record with the empty key lists the last characters of all prefixes, in
 * lower case (qmail kept their case there, so that a wildcard ending in a capital never matched).
 */
export function compileAssign(entries: readonly AssignEntry[]): Buffer {
  const lastCharacters = new Set<string>();
  const records: (readonly [Buffer, Buffer])[] = entries.map(({ form, local, fields }) => {
    if (form === "+" && local !== "") lastCharacters.add(lowerAscii(local.slice(-1)));
    return [form === "=" ? exactKey(local) : wildcardKey(local), toBytes(fields.join("\0"))];
  });
  records.push([Buffer.alloc(0), toBytes([...lastCharacters].join(""))]);
  return renderCdb(records);
}
