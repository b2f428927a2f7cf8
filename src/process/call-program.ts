import { type LoadProgram, type ProgramCall, UsageError } from "./program.ts";

/** Exit code when a program failed for a reason it did not foresee: temporary, because our bug must not bounce mail. */
export const surpriseExitCode = 111;

/** Where a surprise came from, for the bug report: ` (src/smtp/x.ts:17)`; nothing for what the operating system said. */
function place(error: Error): string {
  if ("code" in error) return "";
  const frame = /\((?:file:\/\/)?(\S+:\d+):\d+\)|at (?:file:\/\/)?(\/\S+:\d+):\d+/.exec(error.stack ?? "");
  const where = frame?.[1] ?? frame?.[2];
  return where === undefined ? "" : ` (${where.replace(/^.*\/src\//, "src/")})`;
}

/** A thrown value as one line for people. */
export function surpriseLine(name: string, error: unknown): string {
  const text = error instanceof Error ? `${error.message}${place(error)}` : String(error);
  return `${name}: fatal: ${text.replace(/\s*\n\s*/g, " / ")}\n`;
}

/** Runs a program to its exit code: a `UsageError` becomes its line and code, any other surprise a line on stderr and 111. */
export async function callProgram(load: LoadProgram, call: ProgramCall): Promise<number> {
  try {
    const main = await load();
    return await main(call);
  } catch (error) {
    if (error instanceof UsageError) {
      call.stderr.write(`${error.message}\n`);
      return error.exitCode;
    }
    call.stderr.write(surpriseLine(call.name, error));
    return surpriseExitCode;
  }
}
