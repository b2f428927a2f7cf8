import { type ByteString, toBytes } from "./byte-string.ts";

/** A netstring that was read: its bytes, and where the next one begins. */
export type Netstring = { readonly bytes: Buffer; readonly next: number };

/** Wraps bytes as `length:bytes,`. */
export function netstring(content: Uint8Array | ByteString): Buffer {
  const bytes = typeof content === "string" ? toBytes(content) : content;
  return Buffer.concat([toBytes(`${bytes.length}:`), bytes, toBytes(",")]);
}

const colon = 0x3a;
const comma = 0x2c;

/**
 * Reads the netstring that begins at `at`. `"short"`: more bytes are needed; `null`: this can never be a netstring, or it is
 * longer than `maxLength` bytes. Example: `readNetstring(Buffer.from("2:hi,"), 0, 10)?.next === 5`.
 */
export function readNetstring(bytes: Buffer, at: number, maxLength: number): Netstring | "short" | null {
  let length = 0;
  for (let i = at; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte === colon && i > at) {
      const start = i + 1;
      if (start + length >= bytes.length) return "short";
      return bytes[start + length] === comma
        ? { bytes: bytes.subarray(start, start + length), next: start + length + 1 }
        : null;
    }
    if (byte < 0x30 || byte > 0x39) return null;
    length = length * 10 + (byte - 0x30);
    if (length > maxLength) return null;
  }
  return "short";
}
