import { getopt, type Program } from "#process";
import { findService, sendCommands } from "#supervise/directory";

const options =
  "svc options: u up, d down, o once, x exit, p pause, c continue, h hup, a alarm, i interrupt, t term, k kill";
/** The original's letters, then daemontools-encore's. */
const letters = "udopchaitkx+=Llq12w";

/** `svc -OPTIONS DIR ...`: the letters go to each service's control FIFO, in order, each once (spec 3). Always 0 but for a wrong option. */
export const main: Program = async ({ args, cwd, env, stderr }) => {
  const words = getopt(args, letters);
  if ("problem" in words) {
    stderr.write(`svc: ${words.problem}\n${options}\n`);
    return 100;
  }
  const commands = [...new Set(words.options.map(([letter]) => letter))].join("");
  for (const name of words.rest) {
    const service = findService(cwd, name, env);
    const trouble = "trouble" in service ? service : sendCommands(service, commands);
    if (trouble !== null) stderr.write(`svc: warning: ${trouble.trouble}\n`);
  }
  return 0;
};
