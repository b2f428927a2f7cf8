import assert from "node:assert/strict";
import { test } from "node:test";
import { adviceOn } from "./advice.ts";

const swallows = { line: 0, text: "no line delivers anything: all mail is accepted and thrown away" };
const blank = { line: 1, text: "the first line is blank: all mail waits until it is not" };
const indented = (line: number) => ({
  line,
  text: "a line that begins with a blank is taken for an address to forward to",
});

test("a file that swallows mail, an indented line and a blank first line are pointed out (G24, G25)", () => {
  const rows = [
    ["", []],
    ["./Maildir/\n", []],
    ["# off\n#./Maildir/\n", [swallows]],
    ["#\n+list\n", [swallows]],
    ["./Maildir/\n ./Mailbox\n\t|x\n", [indented(2), indented(3)]],
    ["./Maildir/\n  \n", []],
    ["\n./Maildir/\n", [blank]],
  ] as const;
  for (const [text, advice] of rows) assert.deepEqual(adviceOn(text), advice, JSON.stringify(text));
});
