/** TAI64 label of the Unix epoch as multilog writes it: 2^62 + 10 seconds (djb's libtai without leap seconds). */
const epochLabel = 0x4000_0000_0000_000an;

/** The `@` form of a moment: `@4000000037c219bf2ef02e94`. Nanoseconds 0..999999999. */
export function externalTai64n(unixSeconds: number, nanoseconds: number): string {
  const label = (epochLabel + BigInt(unixSeconds)).toString(16).padStart(16, "0");
  return `@${label}${nanoseconds.toString(16).padStart(8, "0")}`;
}

/** The stamp of a Date, to the millisecond. */
export function tai64nOf(moment: Date): string {
  const ms = moment.getTime();
  const seconds = Math.floor(ms / 1000);
  return externalTai64n(seconds, (ms - seconds * 1000) * 1_000_000);
}
