import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { externalTai64n } from "#log";
import { decimalFromLabel, labelFromDecimal, leadFilter, unixFromLabel } from "./index.ts";

test("tai64nunix shows a label as seconds with nine digits, with as many hex digits as there are [L-048]", () => {
  assert.equal(unixFromLabel("@400000003d6387281f8fa4ac"), "1029932830.529507500");
  assert.equal(unixFromLabel("@400000003d6387281f8fa4ac new msg 1"), "1029932830.529507500 new msg 1");
  assert.equal(unixFromLabel("x @400000003d6387281f8fa4ac"), "x @400000003d6387281f8fa4ac");
  assert.equal(unixFromLabel("@400000000000000a0000000f"), "0.000000015");
});

test("labels and decimal stamps are made of each other without loss; other lines stay [L-047]", () => {
  assert.equal(decimalFromLabel("@400000003d6387281f8fa4ac x"), "1029932830.529507500 x");
  assert.equal(decimalFromLabel("@400000000000000b0000000f"), "0000000001.000000015");
  assert.equal(labelFromDecimal("1029932830.529507500 x"), "@400000003d6387281f8fa4ac x");
  assert.equal(labelFromDecimal("1029932830.5 x"), "@400000003d6387281f8fa4a0 x".replace("1f8fa4a0", "1dcd6500"));
  for (const line of [
    "",
    "x",
    "12 x",
    "1.2.3",
    ".5",
    "@4000 x",
    "@400000003d6387281f8fa4acf",
    "@3000000000000000000000001",
  ]) {
    assert.equal(labelFromDecimal(line), line);
    assert.equal(decimalFromLabel(line), line);
  }
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 9_999_999_999 }),
      fc.integer({ min: 0, max: 999_999_999 }),
      (seconds, nanos) => {
        const label = externalTai64n(seconds, nanos);
        assert.equal(decimalFromLabel(label).length, 20);
        assert.equal(labelFromDecimal(decimalFromLabel(label)), label);
      },
    ),
  );
});

test("only how a line begins is changed, however it is cut into chunks, and a last line stays without LF", () => {
  const run = (chunks: readonly string[]): string => {
    const filter = leadFilter(3, (lead) => `<${lead}>`);
    return (
      chunks.map((chunk) => filter.take(Buffer.from(chunk, "latin1"))).join("") + [...(filter.end?.() ?? [])].join("")
    );
  };
  assert.equal(run(["abcdef\n\na\nxyz\nlast"]), "<abc>def\n<>\n<a>\n<xyz>\n<las>t");
  assert.equal(run(["ab"]), "<ab>");
  const text = fc.array(fc.constantFrom("a", "b", "\n", "cdefg"), { maxLength: 30 });
  fc.assert(
    fc.property(text, (parts) => {
      assert.equal(run(parts), run([parts.join("")]));
      const lines = parts.join("").split("\n");
      const whole = lines.map((line, at) =>
        at === lines.length - 1 && line === "" ? "" : `<${line.slice(0, 3)}>${line.slice(3)}`,
      );
      assert.equal(run(parts), whole.join("\n"));
    }),
  );
});
