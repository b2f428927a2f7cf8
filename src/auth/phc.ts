/** The hashes we make: argon2id (RFC 9106) and scrypt (RFC 7914) in the PHC form, `$NAME$parameters$SALT$HASH`. */
import { argon2, randomBytes, scrypt } from "node:crypto";
import { type ByteString, toBytes } from "#bytes";
import { sameBytes } from "./same-bytes.ts";

/** OWASP's first recommendation for argon2id: 19 MiB, two passes; about 40 ms. */
const argonCost = { memoryKib: 19_456, passes: 2, lanes: 1 };
const saltBytes = 16;
const hashBytes = 32;
/** A stored hash that asks for more than this is a slip, not a wish. */
const maxMemoryBytes = 1 << 30;
const maxPasses = 64;

const unpadded = (bytes: Buffer): string => bytes.toString("base64").replace(/=+$/, "");

type ArgonCost = typeof argonCost;

function argon(
  secret: ByteString,
  salt: Buffer,
  { memoryKib, passes, lanes }: ArgonCost,
  tagLength: number,
): Promise<Buffer> {
  const parameters = {
    message: toBytes(secret),
    nonce: salt,
    parallelism: lanes,
    tagLength,
    memory: memoryKib,
    passes,
  };
  return new Promise((resolve, reject) => {
    argon2("argon2id", parameters, (error, tag) => (error === null ? resolve(tag) : reject(error)));
  });
}

/** A new hash of a secret: argon2id with a fresh salt. */
export async function makeHash(secret: ByteString): Promise<ByteString> {
  const salt = randomBytes(saltBytes);
  const { memoryKib, passes, lanes } = argonCost;
  const tag = await argon(secret, salt, argonCost, hashBytes);
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$${unpadded(salt)}$${unpadded(tag)}`;
}

const argonForm =
  /^\$argon2id\$v=19\$m=([0-9]{1,9}),t=([0-9]{1,4}),p=([0-9]{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,172})$/;
const scryptForm =
  /^\$scrypt\$ln=([0-9]{1,2}),r=([0-9]{1,3}),p=([0-9]{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,172})$/;

/** Does the secret fit this hash? Null if it is neither of the two forms, or asks for too much. */
export async function fitsPhc(secret: ByteString, stored: ByteString): Promise<boolean | null> {
  return (await fitsArgon(secret, stored)) ?? fitsScrypt(secret, stored);
}

async function fitsArgon(secret: ByteString, stored: ByteString): Promise<boolean | null> {
  const [, memory, passes, lanes, salt = "", hash = ""] = argonForm.exec(stored) ?? [];
  if (memory === undefined) return null;
  const cost = { memoryKib: Number(memory), passes: Number(passes), lanes: Number(lanes) };
  if (cost.memoryKib * 1024 > maxMemoryBytes || cost.memoryKib < 8 * cost.lanes) return null;
  if (cost.passes > maxPasses || cost.passes < 1 || cost.lanes < 1) return null;
  const tag = Buffer.from(hash, "base64");
  return sameBytes(await argon(secret, Buffer.from(salt, "base64"), cost, tag.length), tag);
}

async function fitsScrypt(secret: ByteString, stored: ByteString): Promise<boolean | null> {
  const [, ln, rText, pText, salt = "", hash = ""] = scryptForm.exec(stored) ?? [];
  if (ln === undefined) return null;
  const [N, r, p] = [2 ** Number(ln), Number(rText), Number(pText)];
  const maxmem = 128 * N * r + 128 * r * p + 1024 * 1024;
  if (maxmem > maxMemoryBytes || N < 2 || r < 1 || p < 1 || p > maxPasses) return null;
  const wanted = Buffer.from(hash, "base64");
  const made = await new Promise<Buffer>((resolve, reject) => {
    scrypt(toBytes(secret), Buffer.from(salt, "base64"), wanted.length, { N, r, p, maxmem }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
  return sameBytes(made, wanted);
}
