import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { programHouse } from "../testing/program-house.ts";
import { main as check, instcheck } from "./check.ts";

const programs = { check, instcheck };

test("quail check says what is wrong, for people and as JSON, and exits 1 when there are errors", async (t) => {
  const { home, run } = programHouse(t, programs, { me: "mx.test\n", rcpthosts: "mx.test\n", locals: " mx.test\n" });
  const { code, said } = await run(["check", "--offline"]);
  assert.equal(code, 1);
  assert.match(said, /^control\/locals:1: error: begins with a blank/m);
  assert.match(said, new RegExp(`^${home}/queue: error: does not exist$`, "m"));
  assert.match(said, /: \d+ errors, \d+ warnings\n$/);
  const json = await run(["check", "--json", "--offline"]);
  const problems = JSON.parse(json.said) as readonly { file: string; line: number | null; level: string }[];
  assert.ok(problems.some(({ file, line, level }) => file === "control/locals" && line === 1 && level === "error"));
  assert.deepEqual(await run(["check", "now"]), { code: 100, said: "usage: quail check [--json] [--offline]\n" });
});

test("quail check without control files cannot look", async (t) => {
  const { home, run } = programHouse(t, programs, {});
  const { rmSync } = await import("node:fs");
  rmSync(join(home, "control"), { recursive: true });
  const { code, said } = await run(["check", "--offline"]);
  assert.equal(code, 111);
  assert.match(said, /^quail check: fatal: unable to read .*control: ENOENT\n$/);
});

test("instcheck prints a warning for each flaw [Q-059]", async (t) => {
  const { home, run } = programHouse(t, programs, {});
  for (const name of ["users", "alias", "bin", "log"]) mkdirSync(join(home, name), { mode: 0o755 });
  assert.deepEqual(await run(["instcheck"]), {
    code: 0,
    said: ["run", "queue", "queue/mess", "queue/drop"]
      .map((name) => `instcheck: warning: ${home}/${name} does not exist\n`)
      .join(""),
  });
});
