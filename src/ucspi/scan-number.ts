/** The decimal number a word begins with; 0 if it begins with none, as all programs of this package read numbers (`-c x` means 0). */
export function scanNumber(word: string): number {
  const digits = /^\d+/.exec(word)?.[0] ?? "0";
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}

/** Dotted decimal as the original reads it, each part modulo 256 (`127.555.0.1` is `127.43.0.1`); null if it is something else. */
export function dottedQuad(word: string): string | null {
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(word)) return null;
  return word
    .split(".")
    .map((part) => Number(BigInt(part) % 256n))
    .join(".");
}
