/**
 * `npm run handbook`: writes the pages that are made from the program's own knowledge, so that they cannot say anything else: the
 * handbook's page of control files, and the manual pages in man/. A test fails when a page is not what this would write.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { generatedPages, manFolder } from "./handbook/pages.ts";

const root = dirname(import.meta.dirname);
const pages = await generatedPages();

for (const path of pages.keys()) mkdirSync(dirname(join(root, path)), { recursive: true });
for (const entry of readdirSync(join(root, manFolder), { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  if (entry.isFile() && !pages.has(path.slice(root.length + 1))) rmSync(path);
}
for (const [path, text] of pages) writeFileSync(join(root, path), text);
process.stdout.write(`${pages.size} pages written\n`);
