/**
 * DER (ITU-T X.690), as much of it as a certificate and a request for one are made of. Every function returns the octets of one
 * value: tag, length, content.
 */

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  nothing: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  sequence: 0x30,
  set: 0x31,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const;

/** A length: one octet up to 127, else the count of octets that follow (X.690 §8.1.3). */
function lengthOf(content: Uint8Array): Buffer {
  if (content.length < 0x80) return Buffer.from([content.length]);
  const hex = content.length.toString(16);
  const octets = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  return Buffer.concat([Buffer.from([0x80 | octets.length]), octets]);
}

const value = (tag: number, content: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([tag]), lengthOf(content), content]);

export const sequence = (...parts: readonly Uint8Array[]): Buffer => value(tags.sequence, Buffer.concat(parts));

/** Of one element; more would have to be sorted (X.690 §11.6). */
export const setOf = (part: Uint8Array): Buffer => value(tags.set, part);

/** A number that is not negative, from its octets: without needless zeros in front, with one where the first bit is set. */
export function integer(octets: Uint8Array): Buffer {
  const first = octets.findIndex((octet) => octet !== 0);
  const rest = first < 0 ? Buffer.from([0]) : Buffer.from(octets.subarray(first));
  return value(tags.integer, rest[0]! >= 0x80 ? Buffer.concat([Buffer.from([0]), rest]) : rest);
}

export const smallInteger = (number: number): Buffer => integer(Buffer.from([number]));

export const boolean = (is: boolean): Buffer => value(tags.boolean, Buffer.from([is ? 0xff : 0]));

export const octetString = (content: Uint8Array): Buffer => value(tags.octetString, content);

/** Whole octets only, but for `unused` bits at the end. */
export const bitString = (content: Uint8Array, unused = 0): Buffer =>
  value(tags.bitString, Buffer.concat([Buffer.from([unused]), content]));

export const utf8String = (text: string): Buffer => value(tags.utf8, Buffer.from(text, "utf8"));

/** `1.2.840.113549`: two numbers in the first octet, seven bits an octet after that (X.690 §8.19). */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return value(tags.oid, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(number: number): readonly number[] {
  const octets = [number & 0x7f];
  for (let left = number >>> 7; left > 0; left >>>= 7) octets.unshift((left & 0x7f) | 0x80);
  return octets;
}

/** A moment as RFC 5280 §4.1.2.5 wants it: two-digit years up to 2049, four-digit ones after that. */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, "");
  return date.getUTCFullYear() < 2050
    ? value(tags.utcTime, Buffer.from(digits.slice(2)))
    : value(tags.generalizedTime, Buffer.from(digits));
}

/** `[number]`: with values in it (`constructed`), or octets of its own (X.690 §8.14). */
export const tagged = (number: number, content: Uint8Array, constructed: boolean): Buffer =>
  value(0x80 | (constructed ? 0x20 : 0) | number, content);
