import { createHash, hash as hashOnce } from "node:crypto";
import { type ByteString, toBytes } from "#bytes";
import { crypt64, crypt64Groups } from "./crypt64.ts";

/** What the format's author set as bounds and default ("Unix crypt using SHA-256 and SHA-512", 2008). */
const roundsDefault = 5_000;
const roundsMin = 1_000;

type Kind = {
  readonly name: "sha256" | "sha512";
  readonly size: number;
  readonly groups: readonly (readonly [number, number, number])[];
  readonly tail: (digest: Uint8Array) => string;
};

/** Triples of octets `third` apart, each turned by one more place than the one before. */
function turning(third: number, step: 1 | 2): readonly (readonly [number, number, number])[] {
  return Array.from({ length: third }, (_, i) => {
    const triple = [i, i + third, i + 2 * third] as const;
    const at = (i * step) % 3;
    return [triple[at % 3]!, triple[(at + 1) % 3]!, triple[(at + 2) % 3]!] as const;
  });
}

const kinds: ReadonlyMap<string, Kind> = new Map([
  ["5", { name: "sha256", size: 32, groups: turning(10, 2), tail: (d) => crypt64(0, d[31]!, d[30]!, 3) }],
  ["6", { name: "sha512", size: 64, groups: turning(21, 1), tail: (d) => crypt64(0, 0, d[63]!, 2) }],
] satisfies [string, Kind][]);

/** `pattern` over and over, `length` octets in all. */
function repeated(pattern: Uint8Array, length: number): Buffer {
  return Buffer.alloc(length, pattern);
}

/**
 * crypt(3) with SHA-2 (`$5$` and `$6$`, `rounds=N$` or not). About 10 ms at the usual 5000 rounds; the caller bounds them. Null if
 * the setting is not one of these.
 */
export function shaCrypt(secret: ByteString, setting: ByteString): ByteString | null {
  const [, id = "", roundsText, saltText = ""] =
    /^\$([56])\$(?:rounds=([0-9]{1,9})\$)?([^$]{0,16})/.exec(setting) ?? [];
  const kind = kinds.get(id);
  if (kind === undefined) return null;
  const rounds = roundsText === undefined ? roundsDefault : Math.max(roundsMin, Number(roundsText));

  const [key, salt] = [toBytes(secret), toBytes(saltText)];
  const digestOf = (...pieces: readonly Uint8Array[]): Buffer => {
    const hash = createHash(kind.name);
    for (const piece of pieces) hash.update(piece);
    return hash.digest();
  };
  const mixed = digestOf(key, salt, key);
  const pieces: Uint8Array[] = [key, salt, repeated(mixed, key.length)];
  for (let bits = key.length; bits > 0; bits >>= 1) pieces.push(bits & 1 ? mixed : key);
  let digest = digestOf(...pieces);
  const p = repeated(digestOf(repeated(key, key.length * key.length)), key.length);
  const s = repeated(digestOf(repeated(salt, salt.length * (16 + digest[0]!))), salt.length);

  // One buffer for every round's input: thousands of rounds make no garbage but their digests.
  const input = Buffer.alloc(kind.size + s.length + 2 * p.length);
  for (let i = 0; i < rounds; i++) {
    let at = 0;
    const add = (piece: Buffer): void => {
      at += piece.copy(input, at);
    };
    add(i & 1 ? p : digest);
    if (i % 3 !== 0) add(s);
    if (i % 7 !== 0) add(p);
    add(i & 1 ? digest : p);
    digest = hashOnce(kind.name, input.subarray(0, at), "buffer");
  }
  const shown = roundsText === undefined ? "" : `rounds=${rounds}$`;
  return `$${id}$${shown}${saltText}$${crypt64Groups(digest, kind.groups)}${kind.tail(digest)}`;
}
