import { getopt, type Program, UsageError } from "#process";
import { findService, readReport, type StatusRecord } from "#supervise/directory";

const usage = "svup: usage: svup [-L] [-l] dir";

/** It runs, or did all it had to. */
const isUp = ({ pid, state }: StatusRecord): boolean => pid !== 0 || state === "started" || state === "running";

/** Codes of a trouble that only say that no supervise is there. */
const nobody: ReadonlySet<string> = new Set(["ENXIO", "ENOENT"]);

/** `svup DIR`: 0 if the service and its log are up, 100 if not or not supervised, 111 if that cannot be known (spec 3). */
export const main: Program = async ({ args, cwd, env, stderr }) => {
  const words = getopt(args, "Ll");
  if ("problem" in words || words.rest.length !== 1) throw new UsageError(usage);
  const asked = new Set(words.options.map(([letter]) => letter));
  const service = findService(cwd, words.rest[0]!, env);
  const report = "trouble" in service ? service : readReport(service);
  if ("trouble" in report) {
    if (!("trouble" in service) && nobody.has(report.code)) return 100;
    stderr.write(`svup: fatal: ${report.trouble}\n`);
    return 111;
  }
  const [main, log] = report.records;
  const both = !asked.has("L") && !asked.has("l");
  if ((both || asked.has("l")) && !isUp(main)) return 100;
  if (asked.has("L") && log === undefined) return 100;
  return (both || asked.has("L")) && log !== undefined && !isUp(log) ? 100 : 0;
};
