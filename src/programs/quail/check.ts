import { resolve } from "node:path";
import { displayText, toBytes } from "#bytes";
import { ControlError, findHome } from "#control";
import { liveServers, makeResolver } from "#dns";
import { checkAll, checkInstall, problemLine } from "#operate";
import { type Program, UsageError } from "#process";

const usage = "usage: quail check [--json] [--offline]";

/**
 * `quail check`: looks everything over that makes mail wait, bounce or go astray, and says it file by file. Exit 0 without errors, 1 with, 111
 * if it cannot look.
 */
export const main: Program = async ({ args, env, cwd, stdout, stderr }) => {
  const wrong = args.find((word) => word !== "--json" && word !== "--offline");
  if (wrong !== undefined) throw new UsageError(usage);
  const home = resolve(cwd, findHome(env));
  const network = args.includes("--offline") ? null : { resolver: makeResolver({ servers: liveServers(home) }) };
  try {
    const problems = await checkAll(home, { network });
    const errors = problems.filter(({ level }) => level === "error").length;
    if (args.includes("--json")) {
      const shown = problems.map((problem) => ({
        ...problem,
        file: displayText(problem.file),
        reason: displayText(problem.reason),
      }));
      stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
    } else {
      stdout.write(toBytes(problems.map(problemLine).join("")));
      stdout.write(`${home}: ${errors} errors, ${problems.length - errors} warnings\n`);
    }
    return errors === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    stderr.write(`quail check: fatal: ${error.message}\n`);
    return 111;
  }
};

/** `instcheck`: what of the installation is not as it was made, in qmail's words (spec 1.4). Exit 0, whatever it finds. */
export const instcheck: Program = async ({ env, cwd, stdout }) => {
  for (const { path, flaw } of checkInstall(resolve(cwd, findHome(env)))) {
    stdout.write(`instcheck: warning: ${path} ${flaw}\n`);
  }
  return 0;
};
