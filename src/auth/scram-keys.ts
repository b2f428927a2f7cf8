/**
 * SCRAM's stored keys (RFC 5802 §3): what a server keeps of a password so that it can be proved to it without being shown, as
 * Dovecot writes them, `{SCRAM-SHA-256}ITERATIONS,SALT,STOREDKEY,SERVERKEY` (base64). Whoever reads them can play the server, but not
 * the client.
 */
import { createHash, createHmac, pbkdf2, randomBytes } from "node:crypto";
import { type ByteString, toBytes } from "#bytes";
import { sameBytes } from "./same-bytes.ts";
import { saslPrep } from "./sasl/sasl-prep.ts";

export type ScramHash = "sha1" | "sha256";

/** A stored key, whole. */
export type StoredKey = {
  readonly hash: ScramHash;
  readonly iterations: number;
  readonly salt: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
};

/** For keys we make. RFC 7677 §4 asks for at least 4096; the client has to do the same work at each login. */
export const newIterations = 10_000;
/** RFC 5802 §5.1: fewer is no protection. More than the upper bound is a slip, and clients would not come back from it. */
const minIterations = 4_096;
const maxIterations = 1_000_000;
const saltBytes = 16;

const names = { sha1: "SCRAM-SHA-1", sha256: "SCRAM-SHA-256" } as const;
const keyBytes = { sha1: 20, sha256: 32 } as const;

const form =
  /^\{SCRAM-SHA-(1|256)\}([0-9]{1,7}),([A-Za-z0-9+/=]{4,88}),([A-Za-z0-9+/=]{28,44}),([A-Za-z0-9+/=]{28,44})$/i;

export const hmac = (hash: ScramHash, key: Buffer, text: ByteString): Buffer =>
  createHmac(hash, key).update(text, "latin1").digest();
export const digest = (hash: ScramHash, bytes: Buffer): Buffer => createHash(hash).update(bytes).digest();

/** Reads a stored key; null if it is none, or one that asks for too little or too much. */
export function parseScramKey(stored: ByteString): StoredKey | null {
  const [, bits, count, salt = "", first = "", second = ""] = form.exec(stored) ?? [];
  if (bits === undefined) return null;
  const hash = bits === "1" ? "sha1" : "sha256";
  const iterations = Number(count);
  const [storedKey, serverKey] = [Buffer.from(first, "base64"), Buffer.from(second, "base64")];
  if (iterations < minIterations || iterations > maxIterations) return null;
  if (storedKey.length !== keyBytes[hash] || serverKey.length !== keyBytes[hash]) return null;
  return { hash, iterations, salt: Buffer.from(salt, "base64"), storedKey, serverKey };
}

/** Hi() of RFC 5802 §2.2, off the event loop. */
function salted(secret: ByteString, salt: Buffer, iterations: number, hash: ScramHash): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    pbkdf2(toBytes(secret), salt, iterations, keyBytes[hash], hash, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

/** The key of a password; what no client could send (RFC 4013) is taken as the octets it is. */
export async function deriveScramKey(
  secret: ByteString,
  { hash, iterations, salt }: Pick<StoredKey, "hash" | "iterations" | "salt">,
): Promise<StoredKey> {
  const key = await salted(saslPrep(secret) ?? secret, salt, iterations, hash);
  const storedKey = digest(hash, hmac(hash, key, "Client Key"));
  return { hash, iterations, salt, storedKey, serverKey: hmac(hash, key, "Server Key") };
}

/** A new stored key, as text for a password file. */
export async function makeScramKey(secret: ByteString, hash: ScramHash = "sha256"): Promise<ByteString> {
  const key = await deriveScramKey(secret, { hash, iterations: newIterations, salt: randomBytes(saltBytes) });
  const words = [key.salt, key.storedKey, key.serverKey].map((bytes) => bytes.toString("base64"));
  return `{${names[hash]}}${[key.iterations, ...words].join(",")}`;
}

/** Is this the password behind a stored key? Null if `stored` is no such key. */
export async function fitsScramKey(secret: ByteString, stored: ByteString): Promise<boolean | null> {
  const key = parseScramKey(stored);
  if (key === null) return null;
  return sameBytes((await deriveScramKey(secret, key)).storedKey, key.storedKey);
}
