/** For this room's tests: homes and passwd files in a temporary folder, gone when the test ends. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { compileAssign, parseAssign } from "./assign.ts";

/** A folder with these files (path from the folder, content); a path that ends in `/` is a folder. */
export async function folderWith(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "quail-users-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(name.endsWith("/") ? path : dirname(path), { recursive: true });
    if (!name.endsWith("/")) await writeFile(path, text, "latin1");
  }
  return folder;
}

/** Compiles lines of users/assign (without the final dot) into `home`/users/cdb. */
export async function assignIn(home: string, lines: readonly string[]): Promise<void> {
  const entries = parseAssign(`${lines.map((line) => `${line}\n`).join("")}.\n`);
  if ("kind" in entries) throw new Error(`line ${entries.line}: expected ${entries.expected}`);
  await mkdir(join(home, "users"), { recursive: true });
  await writeFile(join(home, "users/cdb"), compileAssign(entries));
}
