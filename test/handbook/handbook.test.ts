/** The handbook is true: every command in it is typed, in order, on a fresh home, and prints what the page shows. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { checkout, hasCommand } from "../system/house.ts";
import { type Block, sessionBlocks } from "./blocks.ts";
import { Reader } from "./reader.ts";

const folder = join(checkout, "docs", "handbook");
const pages = readdirSync(folder)
  .filter((name) => name.endsWith(".md"))
  .toSorted();
const textOf = (page: string): string => readFileSync(join(folder, page), "latin1");

/** Why a block is left out here; null if it is run. */
function leftOut({ notRun, needs }: Block): string | null {
  if (notRun !== null) return notRun;
  const missing = needs.filter((name) => !hasCommand(name));
  return missing.length > 0 ? `not installed: ${missing.join(", ")}` : null;
}

async function readPage(page: string, blocks: readonly Block[]): Promise<void> {
  await using reader = await Reader.open();
  for (const step of blocks.flatMap(({ steps }) => steps)) {
    const { output, fits } = await reader.type(step);
    if (fits) continue;
    const where = `docs/handbook/${page} line ${step.line}`;
    assert.equal(output, `${step.expected.join("\n")}\n`, `${where}: $ ${step.command}\n${reader.story()}`);
  }
}

for (const page of pages) {
  test(`docs/handbook/${page}: every command prints what the page shows`, async (t) => {
    const blocks = sessionBlocks(textOf(page));
    const run = blocks.filter((block) => leftOut(block) === null);
    for (const block of blocks) {
      const reason = leftOut(block);
      if (reason !== null) t.diagnostic(`not run: ${page} line ${block.line}: ${reason}`);
    }
    t.diagnostic(`${page}: ${run.length} blocks run, ${blocks.length - run.length} not`);
    if (run.length > 0) await readPage(page, run);
  });
}

/** A heading's name in links, as the forges make it. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[`*]/g, "")
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

const anchorsOf = (path: string): ReadonlySet<string> =>
  new Set([...readFileSync(path, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchor(heading)));

for (const page of pages) {
  test(`docs/handbook/${page}: its links lead somewhere`, () => {
    for (const [, target = ""] of textOf(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file = "", part] = target.split("#");
      const path = file === "" ? join(folder, page) : join(folder, file);
      assert.ok(existsSync(path), `${page}: ${target} is not there`);
      if (part !== undefined)
        assert.ok(anchorsOf(path).has(part), `${page}: ${relative(dirname(folder), path)} has no heading #${part}`);
    }
  });
}
