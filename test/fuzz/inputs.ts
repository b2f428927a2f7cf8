/** Generators of hostile bytes: grammar's own words, torn and mixed with what does not belong there. */
import fc from "fast-check";

/** Octets that have ended, quoted or split something somewhere. */
const awkward = ["\r", "\n", "\r\n", ".", "\0", " ", "\t", '"', "\\", "@", ":", ",", "<", ">", "(", ")", "[", "]", ";"];

/** Any octets, as a byte string. */
export const octets = (maxLength = 64): fc.Arbitrary<string> =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString("latin1"));

/** Pieces of a language, awkward octets and noise, one after the other. */
export const mixOf = (words: readonly string[], maxPieces = 24): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(...words) },
        { weight: 3, arbitrary: fc.constantFrom(...awkward) },
        { weight: 1, arbitrary: octets(8) },
      ),
      { maxLength: maxPieces },
    )
    .map((pieces) => pieces.join(""));

/** A right example with some octets changed, cut out or put in. */
export const tornFrom = (examples: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(examples, fc.array(fc.tuple(fc.nat(), fc.nat(3), octets(4)), { maxLength: 4 })).map(([example, wounds]) => {
    let text = example;
    for (const [where, length, put] of wounds) {
      const at = where % (text.length + 1);
      text = text.slice(0, at) + put + text.slice(at + length);
    }
    return text;
  });

/** Sizes of the pieces in which bytes arrive. */
export const cuts: fc.Arbitrary<number[]> = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 12 });

/** The bytes in pieces: sizes in turn, again and again; no sizes: one piece. Every piece is a copy. */
export function inPieces(text: string, sizes: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text, "latin1");
  if (sizes.length === 0) return [bytes];
  const pieces: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const end = Math.min(bytes.length, at + sizes[turn % sizes.length]!);
    pieces.push(Buffer.from(bytes.subarray(at, end)));
    at = end;
  }
  return pieces;
}
