import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { findOwn, multiCallPath, type Program, type ProgramIndex, runInProcess, UsageError } from "./index.ts";

/** A small house of programs to run. */
const programs: Readonly<Record<string, Program>> = {
  say: async ({ args, env, cwd, stdout, stderr }) => {
    stdout.write(`${args.join(" ")} ${env.WHO ?? "nobody"} ${cwd}\n`);
    stderr.write("aside\n");
    return 3;
  },
  copy: async ({ stdin, stdout }) => {
    for await (const chunk of stdin) stdout.write(chunk);
    return 0;
  },
  wrong: async () => {
    throw new UsageError("wrong: usage: wrong right");
  },
  broken: async () => {
    throw new TypeError("no such thing");
  },
  onto: async ({ args: [first = "", ...rest], env, exec }) => exec([first, ...rest], { env: { ...env, WHO: "onto" } }),
  upper: async ({ args: [first = "", ...rest], stdin, exec }) => {
    const said = await text(stdin);
    return exec([first, ...rest], { stdin: Readable.from([Buffer.from(said.toUpperCase())]) });
  },
  known: async ({ pid, isOwn, stdout }) => {
    stdout.write(`${pid} ${["say", "ls", "checkpassword"].map((word) => isOwn([word])).join(" ")}\n`);
    return 0;
  },
  numbered: async ({ args: [first = "", ...rest], exec, stdout }) =>
    exec([first, ...rest], { pid: 17, onSpawn: (pid) => void stdout.write(`child ${pid}\n`) }),
  envelope: async ({ input, stdout }) => {
    const stream = input(1);
    stdout.write(stream === null ? "none\n" : await text(stream));
    return 0;
  },
  wait: async ({ signal }) => {
    if (!signal.aborted)
      await new Promise<void>((done) => signal.addEventListener("abort", () => done(), { once: true }));
    return 99;
  },
};
const index: ProgramIndex = (name) => {
  const program = Object.hasOwn(programs, name) ? programs[name] : undefined;
  if (name === "checkpassword") return Object.assign(async () => async () => 0, { needsProcess: true });
  return program === undefined ? undefined : async () => program;
};

const env = { PATH: process.env.PATH };
const run = (words: readonly [string, ...string[]], more: object = {}) =>
  runInProcess(index, words, { env, cwd: tmpdir(), ...more });

test("a program run in process gives its code and what it said, both streams in order", async () => {
  const result = await run(["say", "hello"], { env: { WHO: "joe" } });
  assert.equal(result?.code, 3);
  assert.equal(result?.output.toString(), `hello joe ${tmpdir()}\naside\n`);
  assert.equal(result?.stdout.toString(), `hello joe ${tmpdir()}\n`);
});

test("wrong usage is one line and the program's code, a surprise is one line and 111", async () => {
  const wrong = await run(["wrong"]);
  assert.deepEqual([wrong?.code, wrong?.output.toString()], [100, "wrong: usage: wrong right\n"]);
  const broken = await run(["broken"]);
  assert.equal(broken?.code, 111);
  assert.match(
    broken?.output.toString() ?? "",
    /^broken: fatal: no such thing \(src\/process\/exec\.test\.ts:\d+\)\n$/,
  );
});

test("what is not ours is not run in process", async () => {
  assert.equal(await run(["ls"]), null);
  assert.equal(await run(["/bin/say"]), null);
  assert.equal(await run(["constructor"]), null);
});

test("a link to bin/quail counts as the program it is named after", () => {
  const folder = mkdtempSync(join(tmpdir(), "quail-own-"));
  try {
    symlinkSync(multiCallPath, join(folder, "say"));
    symlinkSync("/bin/true", join(folder, "copy"));
    assert.deepEqual(findOwn(index, [join(folder, "say"), "x"])?.args, ["x"]);
    assert.equal(findOwn(index, [join(folder, "copy")]), null);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a chain goes on to our own program on the same streams, with the environment it was given", async () => {
  const result = await run(["onto", "onto", "say", "x"]);
  assert.equal(result?.code, 3);
  assert.match(result?.output.toString() ?? "", /^x onto /);
});

test("a chain goes on to a real program: input, output, environment and exit code pass through", async () => {
  const stdin = Readable.from([Buffer.from("line\n")]);
  const result = await run(["onto", "sh", "-c", 'cat; echo "$WHO" >&2; exit 7'], { stdin });
  assert.equal(result?.code, 7);
  assert.equal(result?.output.toString().split("\n").sort().join(" ").trim(), "line onto");
});

test("changed input reaches our own program and a real one alike", async () => {
  for (const next of ["copy", "cat"]) {
    const result = await run(["upper", next], { stdin: Readable.from([Buffer.from("quiet\n")]) });
    assert.equal(result?.stdout.toString(), "QUIET\n", next);
  }
});

test("a program that does not exist is 100, one that cannot be run is 111, a killed one 128 and the signal", async () => {
  assert.equal((await run(["onto", "no-such-program-here"]))?.code, 100);
  assert.equal((await run(["onto", "/etc/passwd"]))?.code, 111);
  assert.equal((await run(["onto", "sh", "-c", "kill -9 $$"]))?.code, 137);
});

test("a further descriptor is read from when it was given, and is null when it was not", async () => {
  const inputs = new Map([[1, Readable.from([Buffer.from("Fa@b\0")])]]);
  assert.equal((await run(["envelope"], { inputs }))?.stdout.toString(), "Fa@b\0");
  assert.equal((await run(["envelope"]))?.stdout.toString(), "none\n");
});

test("output over the bound is dropped and the program goes on", async () => {
  const stdin = Readable.from([Buffer.alloc(100_000, "x"), Buffer.alloc(100_000, "y")]);
  const result = await run(["copy"], { stdin, maxOutputBytes: 1000 });
  assert.deepEqual([result?.code, result?.output.length], [0, 1000]);
});

test("an aborted signal reaches our own program and a real one", async () => {
  for (const words of [["wait"], ["onto", "sleep", "60"]] as const) {
    const controller = new AbortController();
    const running = run([...words], { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    assert.equal((await running)?.code, words[0] === "wait" ? 99 : 143);
  }
});

test("a program knows which words run inside its process, and the number it goes by there", async () => {
  assert.equal((await run(["known"]))?.output.toString(), `${process.pid} true false false\n`);
  assert.equal((await run(["numbered", "onto", "known"]))?.output.toString(), "17 true false false\n");
});

test("whoever goes on to a real program is told its number", async () => {
  const said = (await run(["numbered", "sh", "-c", "echo me $$"]))?.output.toString() ?? "";
  const [, child, me] = /^child (\d+)\nme (\d+)\n$/.exec(said) ?? [];
  assert.ok(child !== undefined && child === me, said);
});

test("a program that changes its process gets one of its own inside another's", async () => {
  // The real one: without a login on descriptor 3 it is misused. Ours, called here, would say 0.
  assert.equal((await run(["onto", "checkpassword", "x"]))?.code, 2);
});
