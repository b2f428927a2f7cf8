import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fitsGlob } from "./glob.ts";

/** Pattern, texts that fit it, texts that do not. */
const table: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["joe@a.test", ["joe@a.test"], ["", "joe@a.tes", "joe@a.testx", "JOE@a.test"]],
  ["", [""], ["x"]],
  ["*", ["", "x", "a@b"], []],
  ["*@a.test", ["@a.test", "joe@a.test"], ["a.test", "joe@a.test.", "joe@b.a.test"]],
  ["joe*", ["joe", "joe@a"], ["jo", "xjoe"]],
  ["*%*@*", ["a%b@c", "%@"], ["a@b%c", "%", "a@b"]],
  ["ab*ba", ["abba", "abxba"], ["aba", "ab"]],
  ["a**b", ["ab", "axb"], ["a"]],
  ["a.c", ["a.c"], ["abc"]],
  ["[*]", ["[]", "[192.0.2.1]"], ["192.0.2.1"]],
  ["a?", ["a?"], ["ab"]],
];

for (const [pattern, fitting, others] of table) {
  test(`the pattern ${JSON.stringify(pattern)}`, () => {
    for (const text of fitting) assert.equal(fitsGlob(text, pattern.split("*")), true, text);
    for (const text of others) assert.equal(fitsGlob(text, pattern.split("*")), false, text);
  });
}

test("a text fits a pattern exactly when a regular expression says so", () => {
  const letters = (alphabet: string) =>
    fc.array(fc.constantFrom(...alphabet), { maxLength: 9 }).map((all) => all.join(""));
  fc.assert(
    fc.property(letters("ab*"), letters("ab"), (pattern, text) => {
      const wanted = new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(text);
      assert.equal(fitsGlob(text, pattern.split("*")), wanted);
    }),
  );
});
