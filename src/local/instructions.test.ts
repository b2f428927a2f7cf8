import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Instruction, parseInstructions } from "./instructions.ts";

const mbox = (path: string): Instruction => ({ kind: "mbox", path });
const maildir = (path: string): Instruction => ({ kind: "maildir", path });
const program = (command: string): Instruction => ({ kind: "program", command });
const forward = (address: string): Instruction => ({ kind: "forward", address });
const blankFirst: Instruction = { kind: "blank-first" };
const forwardOnly: Instruction = { kind: "forward-only" };

const rows: readonly (readonly [text: string, instructions: readonly Instruction[]])[] = [
  ["./Mailbox\n", [mbox("./Mailbox")]],
  ["./Mailbox", [mbox("./Mailbox")]],
  ["/var/mail/joe\n", [mbox("/var/mail/joe")]],
  [".hidden\n", [mbox(".hidden")]],
  ["./Maildir/\n", [maildir("./Maildir/")]],
  ["/\n", [maildir("/")]],
  ["|cat > x\n", [program("cat > x")]],
  ["| a\n", [program(" a")]],
  ["|\n", [program("")]],
  ["&joe@a.test\n", [forward("joe@a.test")]],
  ["joe@a.test\n", [forward("joe@a.test")]],
  ["&\n", [forward("")]],
  ["& joe\n", [forward(" joe")]],
  ["# comment\n", []],
  ["#\n\n \n", []],
  ["+list\njoe\n", [forwardOnly, forward("joe")]],
  ["+lists\n+\n", []],
  ["\n./Mailbox\n", [blankFirst, mbox("./Mailbox")]],
  [" \t\n./Mailbox\n", [blankFirst, mbox("./Mailbox")]],
  ["", [blankFirst]],
  ["#\n\n./Mailbox\n\n", [mbox("./Mailbox")]],
  ["./Mailbox \t \n", [mbox("./Mailbox")]],
  ["./Maildir/ \n", [maildir("./Maildir/")]],
  ["|x \n&joe \t\n", [program("x"), forward("joe")]],
  [" ./Mailbox\n", [forward(" ./Mailbox")]],
  ["\t|x\n", [forward("\t|x")]],
  ["joe\0@a.test\n", [forward("joe")]],
  ["joe\r\n", [forward("joe\r")]],
  ["a\n\nb\n# c\n|d\n./e\n./f/\n", [forward("a"), forward("b"), program("d"), mbox("./e"), maildir("./f/")]],
];

test("every line of a .qmail file is what its first octet makes it [Q-145] [Q-151]", () => {
  for (const [text, instructions] of rows)
    assert.deepEqual(parseInstructions(text), instructions, JSON.stringify(text));
});

test("trailing blanks go, leading ones make an address [Q-146]", () => {
  assert.deepEqual(parseInstructions("./Mailbox  \n"), [mbox("./Mailbox")]);
  assert.deepEqual(parseInstructions("  ./Mailbox\n"), [forward("  ./Mailbox")]);
});

test("any octets are instructions: nothing is thrown, nothing holds a line end", () => {
  const octets = fc.array(fc.constantFrom(..."\n\n #./|&+ \tlistjoe@\0\xff\r"), { maxLength: 60 });
  fc.assert(
    fc.property(octets, (list) => {
      for (const instruction of parseInstructions(list.join(""))) {
        const text = Object.values(instruction).join("");
        assert.doesNotMatch(text, /[\n\0]/);
      }
    }),
  );
});
