import { type Program, UsageError } from "#process";
import { findService, knockAt } from "#supervise/directory";

/** `svok DIR`: 0 if a supervise is at work on DIR, 100 if none is, 111 if that cannot be known (spec 3). */
export const main: Program = async ({ args, cwd, env, stderr }) => {
  const [name, ...more] = args;
  if (name === undefined || more.length > 0) throw new UsageError("svok: usage: svok dir");
  const service = findService(cwd, name, env);
  const trouble = "trouble" in service ? service : knockAt(service);
  if (trouble === null) return 0;
  if (!("trouble" in service) && (trouble.code === "ENXIO" || trouble.code === "ENOENT")) return 100;
  stderr.write(`svok: fatal: ${trouble.trouble}\n`);
  return 111;
};
