import { statSync } from "node:fs";
import { ControlError, findHome } from "#control";
import { temporary } from "#mail";
import { explainAddress, explanationText } from "#operate";
import { type Program, UsageError } from "#process";
import { loadRouting, openUserSources, type SourceChoices } from "#users";

const usage = "usage: quail explain ADDRESS... [--json]";

/**
 * A home that is not root's runs under its owner's uid alone, and mail for others waits: the `local` service says so (partner:
 * `refuseOthers` in services/local.ts).
 */
function refusing(home: string): SourceChoices {
  const own = statSync(home).uid;
  if (own === 0) return {};
  return {
    refusal: ({ user, uid }) =>
      uid === own
        ? null
        : temporary(`Quail runs as uid ${own} here and cannot deliver to user ${user}, uid ${uid}. (#4.3.5)`),
  };
}

/**
 * `quail explain ADDRESS`: every question the system asks to route that address, the file and line that answered, and where mail
 * would end. Sends no mail. Exit code 1 if mail to an address would bounce or wait; 111 if a control file cannot be read.
 */
export const main: Program = async ({ args, env, stdout, stderr }) => {
  const addresses = args.filter((word) => word !== "--json");
  if (addresses.length === 0 || addresses.some((word) => word.startsWith("--"))) throw new UsageError(usage);
  const home = findHome(env);
  try {
    const house = { home, routing: loadRouting(home), sources: openUserSources(home, refusing(home)) };
    let stuck = false;
    const explanations = [];
    for (const address of addresses) {
      const explanation = await explainAddress(address, house);
      if (explanation === null) throw new UsageError(`quail explain: "${address}" is too long for an address`);
      stuck ||= explanation.endings.some(({ kind }) => kind === "bounce" || kind === "defer");
      explanations.push(explanation);
    }
    const isJson = args.includes("--json");
    stdout.write(
      isJson
        ? `${JSON.stringify(explanations, null, 2)}\n`
        : explanations.map((each) => explanationText(each)).join(""),
    );
    return stuck ? 1 : 0;
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    stderr.write(`quail explain: fatal: ${error.message}\n`);
    return 111;
  }
};
