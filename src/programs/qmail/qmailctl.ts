import { resolve } from "node:path";
import { findHome } from "#control";
import type { Program } from "#process";
import { commands } from "../quail/ctl.ts";

const usage = "Usage: qmailctl {start|stop|restart|doqueue|flush|reload|stat|pause|cont|cdb|queue|help}\n";

/** `qmailctl COMMAND`: the book's control script (spec 12.2), on the Quail of this home. Exit 1 for a command there is not. */
export const main: Program = async (call) => {
  const [name = "", ...args] = call.args;
  const command = commands.get(name);
  if (command === undefined || (args.length > 0 && name !== "start")) {
    call.stdout.write(usage);
    return 1;
  }
  return command(Object.create(call, { args: { value: args } }), resolve(call.cwd, findHome(call.env)));
};
