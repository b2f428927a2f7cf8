import { findHome } from "#control";
import { errorText } from "#files";
import type { Program } from "#process";
import { askTcpok } from "#remote";

/** `qmail-tcpok`: forgets all hosts that did not answer, so that they are tried at once (spec 2.16). */
export const main: Program = async ({ env, stderr }) => {
  try {
    await askTcpok(findHome(env));
    return 0;
  } catch (error) {
    stderr.write(`qmail-tcpok: fatal: unable to clear tcpto: ${errorText(error)}\n`);
    return 111;
  }
};
