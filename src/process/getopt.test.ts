import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { getopt } from "./getopt.ts";

test("options are read up to the first word that is none, clusters and values included", () => {
  const cases: [string[], string, unknown][] = [
    [[], "ab:", { options: [], rest: [] }],
    [["-a", "x", "-a"], "ab:", { options: [["a", ""]], rest: ["x", "-a"] }],
    [["-abvalue", "x"], "ab:", { options: [["a", ""], ["b", "value"]], rest: ["x"] }], // biome-ignore format: a row
    [["-b", "-a", "x"], "ab:", { options: [["b", "-a"]], rest: ["x"] }],
    [["-b", ""], "ab:", { options: [["b", ""]], rest: [] }],
    [["-a", "--", "-a"], "ab:", { options: [["a", ""]], rest: ["-a"] }],
    [["-", "-a"], "ab:", { options: [], rest: ["-", "-a"] }],
    [["-az"], "ab:", { problem: "illegal option -- z" }],
    [["-b"], "ab:", { problem: "option requires an argument -- b" }],
    [["-Exyz", "-E", "w"], "E::", { options: [["E", "xyz"], ["E", ""]], rest: ["w"] }], // biome-ignore format: a row
  ];
  for (const [args, letters, expected] of cases) assert.deepEqual(getopt(args, letters), expected);
});

test("any words at all are read without a throw", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (args) => {
      getopt(args, "ab:E::");
    }),
  );
});
