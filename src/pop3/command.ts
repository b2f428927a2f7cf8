import { type ByteString, lowerAscii } from "#bytes";

/** A client's line: the verb in lower case, and what stands behind it without the blanks between. */
export type Command = { readonly verb: ByteString; readonly arg: ByteString };

/** Takes a line (without its end) apart, as qmail does: at the first blank. Example: `parseCommand("RETR  1").arg === "1"`. */
export function parseCommand(line: ByteString): Command {
  const blank = line.indexOf(" ");
  if (blank < 0) return { verb: lowerAscii(line), arg: "" };
  let at = blank;
  while (line[at] === " ") at++;
  return { verb: lowerAscii(line.slice(0, blank)), arg: line.slice(at) };
}

/** Numbers a message count never reaches; more digits are not read into anything larger. */
const tooLarge = Number.MAX_SAFE_INTEGER;

/** The digits at the start of an argument as a number, and what follows them and the blanks behind; null if there are none. */
export function leadingNumber(arg: ByteString): { readonly number: number; readonly rest: ByteString } | null {
  const [all, digits = ""] = /^([0-9]+) */.exec(arg) ?? [];
  if (all === undefined) return null;
  return { number: Math.min(Number(digits), tooLarge), rest: arg.slice(all.length) };
}

/** APOP's two words: the login is everything before the last blank... which no digest has. Null if there are not two. */
export function parseApop(arg: ByteString): { readonly login: ByteString; readonly digest: ByteString } | null {
  const [, login, digest] = /^([^ ]+) +([^ ]+)$/.exec(arg) ?? [];
  return login === undefined || digest === undefined ? null : { login, digest };
}

/**
 * A PLAIN response (RFC 4616) in base64: who, and the password. Null if it is not of that form, or wants to act for
 * somebody else than it proves to be.
 */
export function parsePlain(base64: ByteString): { readonly login: ByteString; readonly secret: ByteString } | null {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) return null;
  const [actsFor, login, secret, ...more] = Buffer.from(base64, "base64").toString("latin1").split("\0");
  if (login === undefined || secret === undefined || more.length > 0 || login === "" || secret === "") return null;
  return actsFor === "" || actsFor === login ? { login, secret } : null;
}
