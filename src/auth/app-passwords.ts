/**
 * control/apppasswd: passwords of single programs, which a user has besides their own and can take back one by one:
 * `login:name:{APP}SALT.HASH:DAY` a line, DAY as YYYY-MM-DD. We choose them, 100 bits each, so a plain salted SHA-256 is enough: there
 * is nothing to guess, and many can be looked through at every login.
 */
import { createHash, randomBytes, randomInt } from "node:crypto";
import { type ByteString, lowerAscii, toBytes } from "#bytes";
import { openSecretFile } from "./open-secret-file.ts";
import { sameBytes } from "./same-bytes.ts";

/** One app password. */
export type AppPassword = {
  readonly name: ByteString;
  /** The day it was made, YYYY-MM-DD. */
  readonly made: ByteString;
  readonly fits: (secret: ByteString) => boolean;
};

/** Letters and digits that nobody mistakes for others: 32, so each is five bits. */
const alphabet = "abcdefghijkmnpqrstuvwxyz23456789";
const groups = 5;
const groupLetters = 4;
const saltBytes = 9;

const hashOf = (salt: ByteString, secret: ByteString): Buffer =>
  createHash("sha256").update(salt, "latin1").update(":").update(toBytes(secret)).digest();

/** As it may be typed: blanks and dashes between the groups, or none; capitals, too. */
const squeezed = (secret: ByteString): ByteString => lowerAscii(secret).replace(/[ -]/g, "");

/** A new one, in groups of four letters with dashes between them. */
export function newAppPassword(): string {
  const group = (): string => Array.from({ length: groupLetters }, () => alphabet[randomInt(alphabet.length)]).join("");
  return Array.from({ length: groups }, group).join("-");
}

/** True for what an app password may be called: it is shown in lists, and typed. */
export function isAppName(name: ByteString): boolean {
  return /^[A-Za-z0-9\x80-\xff][A-Za-z0-9._ \x80-\xff-]{0,63}$/.test(name);
}

/** The line for the file, without LF. */
export function renderAppPassword(login: ByteString, name: ByteString, secret: ByteString, made: string): ByteString {
  const salt = randomBytes(saltBytes).toString("base64url");
  return `${lowerAscii(login)}:${name}:{APP}${salt}.${hashOf(salt, squeezed(secret)).toString("base64url")}:${made}`;
}

/** The entries of the file's text by login; what is no entry is left out. */
export function parseAppPasswords(text: ByteString): ReadonlyMap<ByteString, readonly AppPassword[]> {
  const found = new Map<ByteString, AppPassword[]>();
  for (const line of text.split("\n")) {
    const [, login, name = "", salt = "", hash = "", made = ""] =
      /^([^#:][^:]*):([^:]+):\{APP\}([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43}):([0-9-]{10})\s*$/.exec(line) ?? [];
    if (login === undefined) continue;
    const wanted = Buffer.from(hash, "base64url");
    const fits = (secret: ByteString): boolean => sameBytes(hashOf(salt, squeezed(secret)), wanted);
    const key = lowerAscii(login);
    found.set(key, [...(found.get(key) ?? []), { name, made, fits }]);
  }
  return found;
}

/** The text without `login`'s entry of that name; null if there is none. */
export function withoutAppPassword(text: ByteString, login: ByteString, name: ByteString): ByteString | null {
  const lines = text.split("\n");
  const left = lines.filter((line) => {
    const [of = "", called = ""] = line.split(":", 2);
    return lowerAscii(of) !== lowerAscii(login) || called !== name;
  });
  return left.length === lines.length ? null : left.join("\n");
}

/** Looks up the app passwords of a login; of a missing file, none. Throws SecretFileError if the file cannot be used. */
export function openAppPasswords(home: string): (login: ByteString) => readonly AppPassword[] {
  const load = openSecretFile(home, "apppasswd", parseAppPasswords);
  return (login) => load().get(login) ?? [];
}
