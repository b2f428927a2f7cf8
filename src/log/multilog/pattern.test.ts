import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { shellPattern, starPattern } from "./pattern.ts";

const fits: readonly (readonly [pattern: string, head: string, fits: boolean])[] = [
  ["", "", true],
  ["", "a", false],
  ["a", "a", true],
  ["a", "ab", false],
  ["*", "", true],
  ["*", "a\rb", true],
  ["a*", "abc", true],
  ["*b", "aab", true],
  ["*b", "aabb", false],
  ["*ab", "aab", false],
  ["*: *: done", "x: y: done", true],
  ["a.c", "abc", false],
  ["[a]", "[a]", true],
  ["**x", "a*bx", true],
  ["**x", "abx", false],
  ["*]*^", "a]b^", true],
  ["*-x", "a-x", true],
  ["*\\", "a\\", true],
];

test("a star stops at the first of the character behind it, and there is no going back [D-056]", () => {
  for (const [pattern, head, expected] of fits)
    assert.equal(starPattern(pattern)(head), expected, `${pattern} ${head}`);
});

test("the empty pattern fits the empty line alone [D-058]", () => {
  assert.equal(starPattern("")(""), true);
  assert.equal(starPattern("")(" "), false);
});

/** The rule again, as one pass over both: what the manual says, written without regular expressions. */
function onePass(pattern: string, head: string): boolean {
  let at = 0;
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] !== "*") {
      if (head[at++] !== pattern[i]) return false;
      continue;
    }
    const next = pattern[i + 1];
    if (next === undefined) return true;
    at = head.indexOf(next, at);
    if (at < 0) return false;
  }
  return at === head.length;
}

test("any pattern means what one pass over it says [D-056]", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "*", "\\", "]", "^", "-", "\n", "\xff"), maxLength: 8 });
  fc.assert(
    fc.property(text, text, (pattern, head) => {
      assert.equal(starPattern(pattern)(head), onePass(pattern, head));
    }),
    { numRuns: 3_000 },
  );
});

test("after F patterns are the shell's [D-078]", () => {
  const rows: readonly (readonly [string, string, boolean])[] = [
    ["a*c", "abbc", true],
    ["*ab", "aab", true],
    ["a?c", "abc", true],
    ["a?c", "ac", false],
    ["[a-c]x", "bx", true],
    ["[!a-c]x", "bx", false],
    ["[]]", "]", true],
    ["[", "[", true],
    ["[c-a]", "b", false],
    ["\\*", "*", true],
    ["\\*", "x", false],
  ];
  for (const [pattern, head, expected] of rows) {
    assert.equal(shellPattern(pattern)(head), expected, `${pattern} ${head}`);
  }
});

test("no pattern at all is a throw", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary-ascii" }), fc.string({ unit: "binary-ascii" }), (pattern, head) => {
      shellPattern(pattern)(head);
      starPattern(pattern)(head);
    }),
  );
});
