/** Pages that are made, not written: they are as `npm run handbook` makes them, and every program has a manual. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";
import { generatedPages, manFolder } from "../../scripts/handbook/pages.ts";
import { programNames } from "../../src/programs/index.ts";
import { allManuals } from "../../src/programs/manuals/index.ts";
import { verbs } from "../../src/programs/quail/verbs.ts";
import { checkout, needs } from "../system/house.ts";

const pages = await generatedPages();
const manPages = readdirSync(join(checkout, manFolder), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(checkout, join(entry.parentPath, entry.name)));

test("made pages are up to date (npm run handbook makes them)", () => {
  const stale = [...pages].filter(([path, text]) => {
    const file = join(checkout, path);
    return !existsSync(file) || readFileSync(file, "utf8") !== text;
  });
  assert.deepEqual(
    stale.map(([path]) => path),
    [],
    "run npm run handbook",
  );
});

test("man/ holds no page of a program that is gone", () => {
  assert.deepEqual(
    manPages.filter((path) => !pages.has(path)),
    [],
    "run npm run handbook",
  );
});

test("every program and every verb has a manual", async () => {
  const names = new Set((await allManuals()).map(({ name }) => name));
  const wanted = [...programNames, ...[...verbs.keys()].map((verb) => `quail ${verb}`)];
  assert.deepEqual(
    wanted.filter((name) => !names.has(name)),
    [],
    "src/programs/manuals/",
  );
});

test("manuals refer to manuals that are there", async () => {
  const manuals = await allManuals();
  const names = new Set(manuals.map(({ name }) => name));
  const dangling = manuals.flatMap(({ name, seeAlso = [] }) =>
    seeAlso.filter((other) => !names.has(other)).map((other) => `${name}: ${other}`),
  );
  assert.deepEqual(dangling, []);
});

test("mandoc finds nothing wrong with a manual page", { skip: needs("mandoc") }, () => {
  const { stdout } = spawnSync("mandoc", ["-Tlint", "-W", "warning", ...manPages], { cwd: checkout, encoding: "utf8" });
  assert.equal(stdout, "");
});
