// `node run.mjs start|test|test:unit|conformance|fuzz|soak|bench ARGS`: runs the right thing under Quail's own Node 24, whatever Node
// called us. Arguments, signals and the exit code pass through.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bundled = join(root, "node_modules", ".bin", "node");
const node = existsSync(bundled) ? bundled : process.execPath;
const [what, ...args] = process.argv.slice(2);

/** A folder named on the command line is meant from where the user stands, not from where npm goes. */
function startArguments() {
  const from = process.env.INIT_CWD ?? process.cwd();
  let homeGiven = false;
  const words = args.map((word, at) => {
    if (word.startsWith("--home=")) {
      homeGiven = true;
      return `--home=${resolve(from, word.slice("--home=".length))}`;
    }
    if (args[at - 1] !== "--home") return word;
    homeGiven = true;
    return resolve(from, word);
  });
  return homeGiven ? words : ["--home", join(root, "var"), ...words];
}

const jobs = new Map([
  ["start", () => [join(root, "bin", "quail.mjs"), "quail", "start", ...startArguments()]],
  ["test", () => [join(root, "test", "run-tests.ts"), "all", ...args]],
  ["test:unit", () => [join(root, "test", "run-tests.ts"), "unit", ...args]],
  ["handbook", () => [join(root, "scripts", "handbook.ts"), ...args]],
  ["conformance", () => [join(root, "test", "conformance", "report.ts"), ...args]],
  ["fuzz", () => [join(root, "test", "fuzz", "main.ts"), ...args]],
  ["soak", () => [join(root, "test", "soak", "main.ts"), ...args]],
  ["bench", () => [join(root, "bench", "main.ts"), ...args]],
]);

const job = jobs.get(what);
if (job === undefined) {
  process.stderr.write(`usage: run.mjs ${[...jobs.keys()].join("|")} [ARGUMENT ...]\n`);
  process.exit(100);
}

const child = spawn(node, job(), { cwd: root, stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  process.stderr.write(`quail: ${node} cannot be started: ${error.message}\n`);
  process.exit(111);
});
child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
