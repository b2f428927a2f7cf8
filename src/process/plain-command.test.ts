import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { parsePlainCommand } from "./plain-command.ts";

const env = { EXT: "joe", HOST: "example.org", EMPTY: "", SPACED: "a b", STARRED: "*", PATH: process.env.PATH };

const rows: readonly (readonly [line: string, words: readonly string[] | null])[] = [
  ["forward joe", ["forward", "joe"]],
  ["  forward\tjoe  ", ["forward", "joe"]],
  ["forward 'a b' \"c d\"", ["forward", "a b", "c d"]],
  ["forward a'b'\"c\"d", ["forward", "abcd"]],
  ["forward $EXT@$HOST", ["forward", "joe@example.org"]],
  ["forward ${EXT}x", ["forward", "joex"]],
  ['forward "$SPACED"', ["forward", "a b"]],
  ["forward '$EXT'", ["forward", "$EXT"]],
  ["forward \\$EXT", ["forward", "$EXT"]],
  ['forward "\\$EXT \\x"', ["forward", "$EXT \\x"]],
  ["forward ''", ["forward", ""]],
  ['forward "$EMPTY"', ["forward", ""]],
  ["forward $EMPTY", ["forward"]],
  ["forward $UNSET", ["forward"]],
  ["exec forward joe", ["forward", "joe"]],
  ['exec forward "$EXT"', ["forward", "joe"]],
  ["forward a#b", ["forward", "a#b"]],
  ["forward a=b", ["forward", "a=b"]],
  ["forward $SPACED", null],
  ["forward $STARRED", null],
  ["forward joe # me", null],
  ["# nothing", null],
  ["A=b forward joe", null],
  ["forward joe | cat", null],
  ["forward joe > x", null],
  ["forward joe < x", null],
  ["forward joe; true", null],
  ["forward joe && true", null],
  ["forward joe &", null],
  ["forward `id`", null],
  ["forward $(id)", null],
  ["forward $((1+1))", null],
  ["forward ${EXT:-x}", null],
  ["forward $1", null],
  ["forward $?", null],
  ["forward *", null],
  ["forward a?", null],
  ["forward [a]", null],
  ["forward ~joe", null],
  ["forward {a,b}", null],
  ["! forward joe", null],
  ["forward 'joe", null],
  ['forward "joe', null],
  ["forward joe\\", null],
  ["forward joe\nforward jim", null],
  ["forward 'a\0b'", null],
  ["", null],
  ["   ", null],
  ["$EMPTY", null],
  ["$constructor x", ["x"]],
];

test("a plain command line is told from one that needs a shell", () => {
  for (const [line, words] of rows) assert.deepEqual(parsePlainCommand(line, env), words, line);
});

test("whatever is taken as plain means the same to /bin/sh", () => {
  const piece = fc.constantFrom(
    ..."ab $'\"\\~#=*?{}!-./@%,:+^\t",
    "$EXT",
    "${HOST}",
    "$EMPTY",
    "$SPACED",
    "'",
    '"',
    " ",
    "printf ",
  );
  const line = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(line, (tail) => {
      const command = `/usr/bin/printf '%s\\0' x ${tail}`;
      const words = parsePlainCommand(command, env);
      if (words === null) return;
      const said = execFileSync("/bin/sh", ["-c", command], { env, encoding: "utf8" });
      assert.equal(
        said,
        words
          .slice(2)
          .map((word) => `${word}\0`)
          .join(""),
        command,
      );
    }),
    { numRuns: 300 },
  );
});
