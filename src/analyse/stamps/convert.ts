import { externalTai64n } from "#log";

/** What is taken off a label's seconds: 2^62, and the ten seconds TAI was ahead in 1970. */
const labelOffset = 0x4000_0000_0000_000an;
const bits = 64;
const nanosDigits = 9;

/** No stamp is longer: twenty digits, a dot, nine digits; a label may have more hex digits than it should. */
export const longestStamp = 64;

/** `@400000003d6387281f8fa4ac` at the begin becomes `1029932830.529507500`, with as many hex digits as there are. */
export function unixFromLabel(lead: string): string {
  const hex = /^@([0-9a-f]*)/.exec(lead)?.[1];
  if (hex === undefined) return lead;
  const seconds = BigInt.asUintN(bits, BigInt(`0x0${hex.slice(0, -8)}`) - labelOffset);
  const nanos = Number.parseInt(hex.slice(-8) || "0", 16);
  return `${seconds}.${String(nanos).padStart(nanosDigits, "0")}${lead.slice(hex.length + 1)}`;
}

/** A whole label becomes twenty characters: ten digits of seconds, a dot, nine of nanoseconds. Anything else stays. */
export function decimalFromLabel(lead: string): string {
  const [whole, high, low] = /^@([0-9a-f]{16})([0-9a-f]{8})(?![0-9a-f])/.exec(lead) ?? [];
  const seconds = whole === undefined ? -1n : BigInt(`0x${high}`) - labelOffset;
  const nanos = Number.parseInt(low ?? "", 16);
  if (whole === undefined || seconds < 0n || seconds > 9_999_999_999n || nanos > 999_999_999) return lead;
  const decimal = `${String(seconds).padStart(10, "0")}.${String(nanos).padStart(nanosDigits, "0")}`;
  return decimal + lead.slice(whole.length);
}

/** `1029932830.529507500` at the begin (one to nine digits of fraction) becomes a label. Anything else stays. */
export function labelFromDecimal(lead: string): string {
  const [whole, seconds, fraction = ""] = /^([0-9]{1,10})\.([0-9]{1,9})(?![0-9.])/.exec(lead) ?? [];
  if (whole === undefined) return lead;
  const label = externalTai64n(Number(seconds), Number(fraction.padEnd(nanosDigits, "0")));
  return label + lead.slice(whole.length);
}
