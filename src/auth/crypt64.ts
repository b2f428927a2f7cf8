/** The alphabet of crypt(3), least significant six bits first. */
const alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Three octets (high, middle, low) as `length` characters of crypt(3)'s base 64. */
export function crypt64(high: number, middle: number, low: number, length: number): string {
  let bits = (high << 16) | (middle << 8) | low;
  let text = "";
  for (let i = 0; i < length; i++) {
    text += alphabet[bits & 63];
    bits >>= 6;
  }
  return text;
}

/** The octets of a digest in groups of three, as each crypt format orders them. */
export function crypt64Groups(digest: Uint8Array, groups: readonly (readonly [number, number, number])[]): string {
  return groups.map(([a, b, c]) => crypt64(digest[a]!, digest[b]!, digest[c]!, 4)).join("");
}
