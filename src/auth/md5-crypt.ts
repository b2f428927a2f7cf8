import { createHash } from "node:crypto";
import { type ByteString, toBytes } from "#bytes";
import { crypt64, crypt64Groups } from "./crypt64.ts";

const rounds = 1000;
const groups = [
  [0, 6, 12],
  [1, 7, 13],
  [2, 8, 14],
  [3, 9, 15],
  [4, 10, 5],
] as const;

const md5 = (...pieces: readonly Uint8Array[]): Buffer => {
  const hash = createHash("md5");
  for (const piece of pieces) hash.update(piece);
  return hash.digest();
};

/**
 * crypt(3) with MD5 (`$1$SALT$...`, and Apache's `$apr1$`), for passwords of old: verified, never made. Null if the setting
 * is not one of these.
 */
export function md5Crypt(secret: ByteString, setting: ByteString): ByteString | null {
  const [, magic, saltText] = /^(\$1\$|\$apr1\$)([^$]{0,8})/.exec(setting) ?? [];
  if (magic === undefined || saltText === undefined) return null;
  const [key, salt] = [toBytes(secret), toBytes(saltText)];
  const mixed = md5(key, salt, key);
  const pieces: Uint8Array[] = [key, toBytes(magic), salt];
  for (let left = key.length; left > 0; left -= 16) pieces.push(mixed.subarray(0, Math.min(16, left)));
  for (let bits = key.length; bits > 0; bits >>= 1) pieces.push(bits & 1 ? Buffer.of(0) : key.subarray(0, 1));
  let digest = md5(...pieces);
  for (let i = 0; i < rounds; i++) {
    const round: Uint8Array[] = [i & 1 ? key : digest];
    if (i % 3 !== 0) round.push(salt);
    if (i % 7 !== 0) round.push(key);
    round.push(i & 1 ? digest : key);
    digest = md5(...round);
  }
  return `${magic}${saltText}$${crypt64Groups(digest, groups)}${crypt64(0, 0, digest[11]!, 2)}`;
}
