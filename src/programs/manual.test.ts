import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { runInProcess } from "#process";
import { findProgram, programNames } from "./index.ts";
import { helpText, type Manual } from "./manual.ts";
import { allManuals } from "./manuals/index.ts";
import { verbs } from "./quail/verbs.ts";

const sample: Manual = {
  name: "sample",
  section: 1,
  purpose: "show the layout",
  synopsis: ["sample [ -q ] FILE", "sample -l"],
  description: [
    "First paragraph.",
    "Second paragraph, which is so long that it takes a second line of its own to be read.",
  ],
  options: [
    ["-q", "Say nothing."],
    ["--a-rather-long-option NAME", "Stands alone."],
  ],
  exitCodes: [["0", "done"]],
  seeAlso: ["other"],
};

test("a manual as --help prints it", () => {
  assert.equal(
    helpText(sample),
    `usage: sample [ -q ] FILE
       sample -l
sample: show the layout

First paragraph.

Second paragraph, which is so long that it takes a second line of its own to
be read.

options:
  -q                      Say nothing.
  --a-rather-long-option NAME
                          Stands alone.

exit codes:
  0  done

see also: other
`,
  );
});

test("NAME --help prints something, reads nothing and touches nothing, for every program", async (t) => {
  const home = mkdtempSync(join(tmpdir(), "quail-help-"));
  t.after(() => rmSync(home, { recursive: true }));
  for (const name of programNames) {
    const stdin = new Readable({ read: () => assert.fail(`${name} --help reads its input`) });
    const result = await runInProcess(findProgram, [name, "--help"], {
      env: { QUAIL_HOME: home, HOME: home },
      cwd: home,
      stdin,
    });
    assert.equal(result?.code, 0, name);
    assert.match(result.stdout.toString(), /^usage: /, name);
    assert.equal(result.stderr.toString(), "", name);
  }
  assert.deepEqual(readdirSync(home), []);
});

test("--help beside another word is the program's own argument", async () => {
  const result = await runInProcess(findProgram, ["forward", "--help", "joe@example.org"], { env: {}, cwd: "/" });
  assert.equal(result?.output.toString(), "forward: fatal: NEWSENDER not set\n");
});

test("every manual is of a program or verb that exists, once", async () => {
  const known = new Set([...programNames, ...[...verbs.keys()].map((verb) => `quail ${verb}`)]);
  const names = (await allManuals()).filter(({ section }) => section !== 5).map(({ name }) => name);
  assert.deepEqual(
    names.filter((name) => !known.has(name)),
    [],
  );
  assert.equal(new Set(names).size, names.length);
});
