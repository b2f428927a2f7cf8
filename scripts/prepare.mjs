// Brings in what Quail needs before `npm start` and `npm test`: the packages of the lock file, Node 24 among them. Does
// nothing, fast, when they are there. Plain JavaScript for Node 20 and older, and no package: nothing is installed yet.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");
const lockFile = join(root, "package-lock.json");
/** Written after a complete install: the hash of the lock file it was made from. */
const stampFile = join(modules, ".quail-lock");
const neededNode = 24;
/** How often a line says that the install goes on where no terminal shows npm's own progress, in milliseconds. */
const progressEveryMs = 5_000;

function fail(sentence) {
  process.stderr.write(`quail: ${sentence}\n`);
  process.exit(1);
}

const lockHash = createHash("sha256").update(readFileSync(lockFile)).digest("hex");

function modifiedAt(path) {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return null; // Not there.
  }
}

/** Installed from this lock file: by us (stamp), or by a hand-made `npm ci` since the lock file last changed. */
function isInstalled() {
  if (modifiedAt(stampFile) !== null) return readFileSync(stampFile, "utf8") === lockHash;
  const installedAt = modifiedAt(join(modules, ".package-lock.json"));
  return installedAt !== null && installedAt >= modifiedAt(lockFile);
}

/** npm as we were called by it, or the one in the path. */
function npmCommand() {
  const cli = process.env.npm_execpath;
  return cli !== undefined && /npm-cli\.js$/.test(cli) ? [process.execPath, cli] : ["npm"];
}

function install() {
  process.stdout.write("quail: installing packages and Node 24 (once; about 120 MB to fetch) ...\n");
  const startedAt = Date.now();
  const [command, ...first] = npmCommand();
  // --ignore-scripts: nothing we use needs an install script, so none is trusted with this machine.
  const args = [
    ...first,
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--loglevel=warn",
    "--include=dev",
    "--include=optional",
  ];
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  const seconds = () => Math.round((Date.now() - startedAt) / 1000);
  const ticking = setInterval(() => {
    if (!process.stderr.isTTY) process.stdout.write(`quail: still installing (${seconds()} s)\n`);
  }, progressEveryMs);
  return new Promise((resolve) => {
    child.on("error", (error) =>
      fail(`npm cannot be started (${error.code}); Quail needs npm 10 or later for its first start`),
    );
    child.on("exit", (code) => {
      clearInterval(ticking);
      if (code !== 0) {
        fail(
          "the packages could not be installed (npm's reason stands above). Is the registry reachable, and is there room on the disk?",
        );
      }
      process.stdout.write(`quail: installed in ${seconds()} s\n`);
      resolve();
    });
  });
}

function majorOf(node) {
  const { status, stdout } = spawnSync(node, ["--version"], { encoding: "utf8" });
  return status === 0 ? Number.parseInt(stdout.replace(/^v/, ""), 10) : 0;
}

/**
 * Makes node_modules/.bin/node lead to a Node that runs here: the packaged one (npm 10 does not link it), or, where there is
 * none for this machine (another system, another C library), the one that runs this if it is new enough.
 */
function ensureNode() {
  const link = join(modules, ".bin", "node");
  const packaged = join(modules, `node-${process.platform}-${process.arch}`, "bin", "node");
  const found = [link, packaged, process.execPath].find((node) => majorOf(node) >= neededNode);
  if (found === undefined) {
    fail(
      `there is no packaged Node ${neededNode} for ${process.platform} ${process.arch}, and this is ${process.version}: install Node ${neededNode} and try again`,
    );
  }
  if (found === link) return;
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(found === packaged ? relative(dirname(link), packaged) : found, link);
}

if (!isInstalled()) {
  try {
    await install();
    ensureNode();
    writeFileSync(stampFile, lockHash);
  } catch (error) {
    fail(`cannot write to ${modules}: ${error.message}`);
  }
} else if (modifiedAt(join(modules, ".bin", "node")) === null) {
  ensureNode();
}
