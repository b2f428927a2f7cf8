/** What the label of the Unix epoch is; the partner of `epochLabel` in tai64n.ts. */
const epochLabel = 0x4000_0000_0000_000an;
const stamp = /^@([0-9a-f]{16})([0-9a-f]{8})(?: |$)/;

/** A line without its stamp, and when it was written (to the millisecond). */
export type StampedLine = { readonly at: Date; readonly text: string };

/** Takes the TAI64N stamp off a log line; null if it has none, or one beyond what a Date holds. */
export function readStamped(line: string): StampedLine | null {
  const match = stamp.exec(line);
  if (match === null) return null;
  const seconds = Number(BigInt(`0x${match[1]}`) - epochLabel);
  const at = new Date(seconds * 1000 + Math.floor(Number.parseInt(match[2]!, 16) / 1_000_000));
  return Number.isNaN(at.getTime()) ? null : { at, text: line.slice(match[0].length) };
}
