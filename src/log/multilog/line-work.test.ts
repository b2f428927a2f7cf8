import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LineWork, statusBytes } from "./line-work.ts";
import { parseScript } from "./script.ts";

/** Carries a script out over chunks: what each folder got, what was shown, the status files. */
async function carryOut(
  words: readonly string[],
  chunks: readonly string[],
  clock = [{ seconds: 935467445, nanoseconds: 787492500 }],
) {
  const script = parseScript(words);
  const folders = script.folders.map(() => "");
  const status: Record<string, string> = {};
  let shown = "";
  let tick = 0;
  const work = new LineWork(
    script,
    {
      folder: async (index, bytes) => {
        folders[index] += bytes.toString("latin1");
      },
      stderr: (bytes) => {
        shown += bytes.toString("latin1");
      },
      status: async (file, line) => {
        status[file] = line;
      },
    },
    () => clock[Math.min(tick++, clock.length - 1)]!,
  );
  for (const chunk of chunks) await work.take(Buffer.from(chunk, "latin1"));
  await work.end();
  return { folders, shown, status };
}

const long = (letter: string, count: number): string => letter.repeat(count);

test("e shows a line with its end, 200 bytes of a longer one and three dots [D-052] [D-053]", async () => {
  const { shown } = await carryOut(["e"], [`short\n${long("x", 200)}\n${long("y", 201)}\n${long("z", 3000)}\n`]);
  assert.equal(shown, `short\n${long("x", 200)}\n${long("y", 200)}...\n${long("z", 200)}...\n`);
});

test("a last line without an end gets one [D-054]", async () => {
  assert.deepEqual((await carryOut(["./d"], ["a\nb"])).folders, ["a\nb\n"]);
  assert.deepEqual((await carryOut(["./d"], [long("a", 5000)])).folders, [`${long("a", 5000)}\n`]);
  assert.deepEqual((await carryOut(["./d"], [])).folders, [""]);
});

test("lines are deselected and selected in the order of the script [D-055]", async () => {
  const { folders } = await carryOut(["./all", "-*", "+x*", "./x", "-xy", "./z"], ["xa\nxy\nb\n"]);
  assert.deepEqual(folders, ["xa\nxy\nb\n", "xa\nxy\n", "xa\n"]);
});

test("only 1000 bytes are compared, and the folder gets the whole line [D-057]", async () => {
  const line = `${long("a", 1000)}${long("b", 1500)}`;
  for (const words of [
    ["-*", `+${long("a", 1000)}`, "./d"],
    ["-*b*", "./d"],
  ]) {
    assert.deepEqual(
      (await carryOut(words, [`${line}\nc\n`])).folders[0]!.split("\n")[0],
      line,
      words.join(" ").slice(0, 10),
    );
  }
});

test("=FILE holds 1001 bytes: the line, filled up with line ends [D-059]", async () => {
  const { status } = await carryOut(["=st", "-*", "=none"], [`first\n${long("q", 2000)}\nlast\n`]);
  assert.deepEqual(status, { st: "last" });
  assert.equal(statusBytes("last").toString(), `last${long("\n", 997)}`);
  assert.equal(statusBytes(long("q", 1000)).length, 1001);
});

test("t stands first only; the stamp is of the line's first byte, and patterns see it [D-060]", async () => {
  const label = "@4000000037c219bf2ef02e94 ";
  assert.equal(label.length, 26);
  assert.deepEqual((await carryOut(["t", "./d"], ["a\nb\n"])).folders, [`${label}a\n${label}b\n`]);
  assert.deepEqual((await carryOut(["./d", "t"], ["a\n"])).folders, ["a\n"]);
  assert.deepEqual((await carryOut(["t", "-*", "+@4* a", "./d"], ["a\nb\n"])).folders, [`${label}a\n`]);
  const clock = [
    { seconds: 1, nanoseconds: 5 },
    { seconds: 2, nanoseconds: 5 },
  ];
  assert.deepEqual((await carryOut(["t", "./d"], ["a", "b\nc\n"], clock)).folders, [
    "@400000000000000b00000005 ab\n@400000000000000c00000005 c\n",
  ]);
});

test("T puts seconds and microseconds in front [D-061]", async () => {
  assert.deepEqual((await carryOut(["T", "./d"], ["a\n"])).folders, ["935467445.787492 a\n"]);
});

test("folders have the size, number and processor that stand before them; sizes and numbers have their bounds [D-062] [D-063] [D-079]", () => {
  const words = ["./a", "s10", "n1", "!cmd", "wold", "./b", "s999999999", "n5", "!", "/c"];
  const rules = parseScript(words).folders.map((folder) => folder.rules);
  assert.deepEqual(rules, [
    { sizeBytes: 99_999, files: 10, processor: null, suffix: "s" },
    { sizeBytes: 4_096, files: 2, processor: "cmd", suffix: "old" },
    { sizeBytes: 16_777_215, files: 5, processor: null, suffix: "old" },
  ]);
});

test("however the input is cut into chunks, the same comes out", async () => {
  const line = fc.oneof(
    fc.string({ unit: fc.constantFrom("a", "b", "x", " "), maxLength: 6 }),
    fc.integer({ min: 990, max: 2100 }).map((count) => long("a", count)),
  );
  const scripts = [["./d"], ["t", "./d"], ["-*", "+a*", "./a", "e", "+*", "./all"], ["t", "-*", "+*b*", "=st", "./b"]];
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 12 }),
      fc.constantFrom(...scripts),
      async (lines, cuts, words) => {
        const text = lines.join("\n");
        const chunks: string[] = [];
        for (let at = 0, i = 0; at < text.length; i++) {
          const next = at + cuts[i % cuts.length]!;
          chunks.push(text.slice(at, next));
          at = next;
        }
        assert.deepEqual(await carryOut(words, chunks), await carryOut(words, [text]));
      },
    ),
    { numRuns: 200 },
  );
});
