import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

const door = new URL("./index.ts", import.meta.url).href;
let folder = "";
let script = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "quail-process-"));
  script = join(folder, "main.mjs");
  writeFileSync(
    script,
    `import { runProgram, UsageError, writeAll } from ${JSON.stringify(door)};
     const programs = {
       lots: async ({ stdout }) => { for (let i = 0; i < 200; i++) stdout.write("x".repeat(10000)); return 5; },
       thrown: async () => { throw new Error("disk is gone"); },
       usage: async () => { throw new UsageError("usage: usage"); },
       envelope: async ({ input, stdout }) => {
         const from = input(3);
         if (from === null) stdout.write("null");
         else for await (const chunk of from) stdout.write(chunk);
         return 0;
       },
       leave: async ({ output, stdout }) => {
         const to = output(5);
         if (to === null) stdout.write("null");
         else await writeAll(to, "left on 5\\n");
         return 0;
       },
       stop: async ({ signal, stdout }) => {
         stdout.write("waiting\\n");
         const alive = setInterval(() => {}, 1000);
         await new Promise((done) => signal.addEventListener("abort", done));
         clearInterval(alive);
         stdout.write("stopped\\n");
         return 0;
       },
       deaf: async ({ stdout }) => { stdout.write("waiting\\n"); await new Promise((d) => setTimeout(d, 60000)); return 0; },
       next: async ({ args, exec }) => exec(args),
       yes: async ({ stdout }) => { for (;;) if (!stdout.write("y\\n".repeat(999))) await new Promise((d) => { stdout.once("drain", d); setTimeout(d, 9).unref(); }); },
     };
     const [name, ...args] = process.argv.slice(2);
     await runProgram((word) => programs[word] && (async () => programs[word]), name, args);`,
  );
});

after(() => rmSync(folder, { recursive: true }));

const run = (args: readonly string[], input = "") =>
  spawnSync(process.execPath, [script, ...args], { input, maxBuffer: 1 << 24 });

test("a process ends with the program's code after all of its output is out", () => {
  const { status, stdout } = run(["lots"]);
  assert.equal(status, 5);
  assert.equal(stdout.length, 2_000_000);
});

test("what a program throws is one line on stderr and 111; wrong usage its own code", () => {
  const thrown = run(["thrown"]);
  assert.equal(thrown.status, 111);
  assert.match(thrown.stderr.toString(), /^thrown: fatal: disk is gone.*\n$/);
  assert.deepEqual([run(["usage"]).status, run(["usage"]).stderr.toString()], [100, "usage: usage\n"]);
});

test("an unknown name is refused with the way to the list", () => {
  const { status, stderr } = run(["nosuch"]);
  assert.deepEqual(
    [status, stderr.toString()],
    [100, `quail: there is no program "nosuch"; 'quail help' lists them\n`],
  );
});

test("inherited descriptors are read as pipes and as files; one that is not open is null", async () => {
  for (const [from, said] of [
    ["<<< 'Fa@b'", "Fa@b\n"],
    ["< <(printf 'Fa@b\\n')", "Fa@b\n"],
    ["<&-", "null"],
  ] as const) {
    const { stdout } = spawnSync("bash", ["-c", `"$0" "$1" envelope 3${from}`, process.execPath, script]);
    assert.equal(stdout.toString(), said);
  }
});

test("an inherited descriptor is written to as a pipe and as a file; one that is not open is null", () => {
  const kept = join(folder, "left");
  for (const [to, said] of [
    ["5>&1 | cat", "left on 5\n"],
    [`5>${kept}; cat ${kept}`, "left on 5\n"],
    ["5>&-", "null"],
  ] as const) {
    const { stdout } = spawnSync("bash", ["-c", `"$0" "$1" leave ${to}`, process.execPath, script]);
    assert.equal(stdout.toString(), said);
  }
});

test("input is passed to a real program untouched", () => {
  const input = "a\n".repeat(200_000);
  const { status, stdout } = run(["next", "sh", "-c", "cat; exit 4"], input);
  assert.equal(status, 4);
  assert.ok(stdout.toString() === input);
});

async function signalled(name: string): Promise<{ code: number | null; signal: string | null; said: string }> {
  const child = spawn(process.execPath, [script, name], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (chunk) => {
    if (said === "") child.kill("SIGTERM");
    said += chunk;
  });
  return new Promise((done) => child.on("close", (code, signal) => done({ code, signal, said })));
}

test("SIGTERM reaches a program that listens, and kills one that does not", async () => {
  assert.deepEqual(await signalled("stop"), { code: 0, signal: null, said: "waiting\nstopped\n" });
  assert.deepEqual(await signalled("deaf"), { code: null, signal: "SIGTERM", said: "waiting\n" });
});

test("a program whose reader has gone ends", () => {
  const { stdout } = spawnSync(
    "bash",
    ["-c", `"$0" "$1" yes | head -1; echo "\${PIPESTATUS[0]}"`, process.execPath, script],
    {
      timeout: 30_000,
    },
  );
  assert.equal(stdout.toString(), "y\n141\n");
});
