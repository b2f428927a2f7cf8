import { createHash } from "node:crypto";
import { type ByteString, toBytes } from "#bytes";
import { libCrypt } from "./libcrypt.ts";
import { md5Crypt } from "./md5-crypt.ts";
import { fitsPhc } from "./phc.ts";
import { sameBytes } from "./same-bytes.ts";
import { fitsScramKey } from "./scram-keys.ts";
import { shaCrypt } from "./sha-crypt.ts";

/** `unknown`: a format that cannot be checked here; neither right nor wrong, so the answer is temporary. */
export type Fits = "yes" | "no" | "unknown";

/** A stored secret in the clear, as Dovecot writes it; what APOP needs. Null if it is a hash. */
export function clearSecret(stored: ByteString): ByteString | null {
  const [, base64, text = ""] = /^\{(?:PLAIN|CLEARTEXT)(\.b64)?\}(.*)$/is.exec(stored) ?? [];
  if (!/^\{(?:PLAIN|CLEARTEXT)(?:\.b64)?\}/i.test(stored)) return null;
  return base64 === undefined ? text : Buffer.from(text, "base64").toString("latin1");
}

/** Written so that clearSecret reads it; base64, for the secret may hold a colon. */
export function storeClear(secret: ByteString): ByteString {
  return `{PLAIN.b64}${toBytes(secret).toString("base64")}`;
}

/** Nobody's password fits these: locked (`!`, `*`), none set (empty), `x` (it stands in the shadow file). */
const locked = /^(?:$|[!*]|x$)/;

/** True for what stands in place of a hash where nobody may log in by password. */
export function isLocked(stored: ByteString): boolean {
  return locked.test(stored);
}

/** More than this is a slip, and would keep a thread busy for hours. */
const maxShaRounds = 1_000_000;
const maxBcryptCost = 16;

function asksTooMuch(stored: ByteString): boolean {
  const rounds = /^\$[56]\$rounds=([0-9]+)/.exec(stored)?.[1] ?? 0;
  const cost = /^\$2[abxy]\$([0-9]{2})/.exec(stored)?.[1] ?? 0;
  return Number(rounds) > maxShaRounds || Number(cost) > maxBcryptCost;
}

const said = (fits: boolean): Fits => (fits ? "yes" : "no");

/**
 * Is this the secret behind a stored hash? Knows argon2id and scrypt (PHC form), `{PLAIN}` and `{PLAIN.b64}`, crypt(3)'s `$1$`,
 * `$apr1$`, `$5$`, `$6$`, and what the system's crypt(3) knows beyond these (yescrypt `$y$`, `$7$`, bcrypt `$2a$ $2b$ $2y$`, DES).
 */
export async function verifySecret(secret: ByteString, storedAs: ByteString): Promise<Fits> {
  const stored = storedAs.replace(/^\{(?:CRYPT|[A-Z0-9]+-CRYPT|ARGON2ID)\}/i, "");
  if (locked.test(stored)) return "no";
  const clear = clearSecret(stored);
  // Of one length, so that not even that is told.
  if (clear !== null) return said(sameBytes(sha256(secret), sha256(clear)));
  const scram = await fitsScramKey(secret, stored);
  if (scram !== null) return said(scram);
  const phc = await fitsPhc(secret, stored);
  if (phc !== null) return said(phc);
  if (asksTooMuch(stored)) return "unknown";
  const made = (await libCrypt(secret, stored)) ?? md5Crypt(secret, stored) ?? shaCrypt(secret, stored);
  return made === null ? "unknown" : said(sameBytes(toBytes(made), toBytes(stored)));
}

function sha256(secret: ByteString): Buffer {
  return createHash("sha256").update(secret, "latin1").digest();
}
