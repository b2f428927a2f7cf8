// Called by bin/quail: `node quail.mjs NAME ARGS`. Plain JavaScript, so that an old Node can still read the sentence below.
import { statSync } from "node:fs";
import * as module from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(
    `quail: Node 24 is needed, this is ${process.version}. Run 'npm ci --ignore-scripts' in ${root} once: it brings the right one.\n`,
  );
  process.exit(111);
}

// Compiled code is kept between runs, which halves the start of a command. Never in /tmp, where another user could lay
// code in wait for us: only where what we run lies anyway, or in this user's own cache.
function cacheFolder() {
  if (process.env.NODE_COMPILE_CACHE !== undefined) return null; // set already (by the supervisor, or by hand)
  const uid = process.getuid?.();
  const modules = join(root, "node_modules");
  try {
    if (statSync(modules).uid === uid || uid === 0) return join(modules, ".cache", "quail");
    const home = process.env.HOME ?? "";
    if (home.startsWith("/") && statSync(home).uid === uid) return join(home, ".cache", "quail");
  } catch {
    // No such folder: start without a cache.
  }
  return null;
}

const folder = cacheFolder();
if (folder !== null) module.enableCompileCache(folder);

const [name = "quail", ...args] = process.argv.slice(2);
const { run } = await import("../src/programs/run.ts");
await run(name, args);
