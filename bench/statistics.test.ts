import assert from "node:assert/strict";
import { test } from "node:test";
import { figure, median } from "./statistics.ts";

test("the median of an odd number of runs is the middle one, of an even number the mean of two", () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(median([7]), 7);
  assert.ok(Number.isNaN(median([])));
});

test("figures keep three digits", () => {
  const cases: readonly (readonly [number, string])[] = [
    [512.4, "512"],
    [5310, "5310"],
    [3.3, "3.30"],
    [0.041, "0.0410"],
    [0, "0"],
  ];
  for (const [value, text] of cases) assert.equal(figure(value), text);
});
