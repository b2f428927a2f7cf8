import assert from "node:assert/strict";
import { test } from "node:test";
import { outputPattern, sessionBlocks } from "./blocks.ts";

test("a session is commands and what they print", () => {
  const page = "# x\n\n```sh\n$ echo a\na\n$ cat <<E\n> b\n> E\nb\n```\n\n```text\n$ no command\n```\n";
  assert.deepEqual(sessionBlocks(page), [
    {
      line: 3,
      notRun: null,
      needs: [],
      steps: [
        { command: "echo a", expected: ["a"], line: 4 },
        { command: "cat <<E\nb\nE", expected: ["b"], line: 6 },
      ],
    },
  ]);
});

test("what is not run says why, what needs a program says which", () => {
  const page = "```sh not-run needs root\n$ halt\n```\n```sh needs=curl\n$ curl x\n```\n";
  assert.deepEqual(
    sessionBlocks(page).map(({ notRun, needs }) => ({ notRun, needs })),
    [
      { notRun: "needs root", needs: [] },
      { notRun: null, needs: ["curl"] },
    ],
  );
});

const malformed: readonly (readonly [string, RegExp])[] = [
  ["```\nx\n```\n", /line 1: a block says what it holds/],
  ["```sh\n$ x\n", /line 1: the block does not end/],
  ["```sh\nx\n```\n", /line 2: a session begins with a command/],
  ["```sh not-run\n$ x\n```\n", /line 1: not-run wants a reason/],
  ["```sh sudo\n$ x\n```\n", /line 1: unknown words/],
];
for (const [page, complaint] of malformed) {
  test(`a malformed page is told: ${JSON.stringify(page)}`, () => {
    assert.throws(() => sessionBlocks(page), complaint);
  });
}

const matches: readonly (readonly [expected: readonly string[], output: string, fits: boolean])[] = [
  [[], "", true],
  [[], "x\n", false],
  [["a (b)"], "a (b)\n", true],
  [["a ... c"], "a b c\n", true],
  [["a ... c"], "a b d\n", false],
  [["a", "...", "c"], "a\nc\n", true],
  [["a", "...", "c"], "a\nb\nb\nc\n", true],
  [["a", "...", "c"], "a\nb\n", false],
  [["a"], "a\nb\n", false],
];
for (const [expected, output, fits] of matches) {
  test(`${JSON.stringify(expected)} ${fits ? "stands for" : "does not stand for"} ${JSON.stringify(output)}`, () => {
    assert.equal(outputPattern(expected).test(output), fits);
  });
}
