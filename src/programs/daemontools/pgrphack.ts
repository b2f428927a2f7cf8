import { processCalls } from "#files";
import { type Program, UsageError } from "#process";

/**
 * `pgrphack PROGRAM ...`: runs the program as the leader of a session and process group of its own, in this process's place (spec 7). Whoever
 * leads a group already stays as he is, as with the original.
 */
export const main: Program = async ({ args, exec, become }) => {
  const [program, ...rest] = args;
  if (program === undefined) throw new UsageError("pgrphack: usage: pgrphack child");
  const calls = become === null ? null : processCalls();
  if (calls === null) return exec(["setsid", "-w", program, ...rest], { lastOf: "pgrphack" });
  calls.leadSession();
  return exec([program, ...rest], { lastOf: "pgrphack" });
};
