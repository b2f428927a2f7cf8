import assert from "node:assert/strict";
import { test } from "node:test";
import { figure, median, middle, quotient, spread, times } from "./statistics.ts";

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

test("what is missing is left out of a median, and a median of nothing is missing", () => {
  assert.equal(middle([3, null, 1, 2]), 2);
  assert.equal(middle([null]), null);
});

test("a spread is the median with its extremes; one value stands alone, none is a dash", () => {
  assert.equal(spread([300, 100, 200]), "200 (100-300)");
  assert.equal(spread([5]), "5.00");
  assert.equal(spread([]), "-");
});

test("a ratio needs both sides", () => {
  assert.equal(times(quotient(6, 4)), "1.50x");
  assert.equal(times(quotient(null, 4)), "-");
  assert.equal(times(quotient(6, 0)), "-");
});
