import { toBytes } from "#bytes";
import { ControlError, findHome } from "#control";
import { checkHouse, problemLine, settingsList, showControls } from "#operate";
import { type Program, UsageError } from "#process";

/**
 * `qmail-showctl [--json | --warnings]`: what the control files say, in sentences (spec 3.6); as one JSON array; or only what is
 * wrong in them, with exit code 1 if anything is.
 */
export const main: Program = async ({ args, env, stdout, stderr }) => {
  const home = findHome(env);
  const [option, ...more] = args;
  if (more.length > 0 || (option !== undefined && option !== "--json" && option !== "--warnings")) {
    throw new UsageError("qmail-showctl: usage: qmail-showctl [--json | --warnings]");
  }
  try {
    if (option === "--json") {
      stdout.write(`${JSON.stringify(settingsList(home), null, 2)}\n`);
      return 0;
    }
    if (option === "--warnings") {
      const problems = await checkHouse(home);
      stdout.write(toBytes(problems.map(problemLine).join("")));
      return problems.length === 0 ? 0 : 1;
    }
    stdout.write(toBytes(showControls(home)));
    return 0;
  } catch (error) {
    if (!(error instanceof ControlError) && !(error instanceof Error && "code" in error)) throw error;
    stderr.write(`qmail-showctl: fatal: ${error.message}\n`);
    return 111;
  }
};
