import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { ControlError, findHome } from "#control";
import { errorCode, errorText } from "#files";
import { type Imported, ImportRefused, importQueue } from "#operate/import";
import { type Program, UsageError } from "#process";
import { loadRouting } from "#users";
import { progressBar } from "./progress-bar.ts";

const usage = `usage: quail import queue DIR [--dry-run] [--json]
       DIR is the queue of a stopped qmail: the folder with mess, info and todo in it.
       Its messages go on here: age, due times, what is done and what has failed are kept. Files that
       were taken over lie in DIR/imported afterwards. Broken off, it is run again: nothing is doubled.`;

const optionTypes = {
  "dry-run": { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean" },
} as const;

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: optionTypes, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`quail import: ${error instanceof Error ? error.message : error}\n${usage}`);
  }
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** What came of it, for people. */
function told(
  { messages, recipients, earlier, finished, unfinished, troubles, aside }: Imported,
  dry: boolean,
): string {
  const { local, remote, done, failed } = recipients;
  const lines = [
    `${dry ? "to take over" : "took over"} ${plural(messages, "message")}: ${local} local and ${remote} remote recipients wait, ${done} are done, ${failed} failed`,
  ];
  if (earlier > 0)
    lines.push(`${plural(earlier, "message")} had been taken over before; only the files were put aside`);
  if (finished > 0) lines.push(`${plural(finished, "message")} had nothing left to do`);
  if (unfinished > 0) {
    const bodies = unfinished === 1 ? "1 body" : `${unfinished} bodies`;
    lines.push(`${bodies} without an envelope left (qmail-queue at work, or cut off)`);
  }
  for (const { id, reason } of troubles) lines.push(`message ${id} left: ${reason}`);
  if (aside !== null && messages + earlier + finished > 0) lines.push(`their files lie in ${aside}`);
  return `${lines.join("\n")}\n`;
}

/**
 * `quail import queue DIR`: takes a classic on-disk queue in. Exit codes: 0 well, 1 some messages were left because their files
 * are damaged, 100 usage, 111 refused or broken off (run it again).
 */
export const main: Program = async ({ args, cwd, env, stdout, stderr }) => {
  const { values, positionals } = parse(args);
  const [what, folder, ...others] = positionals;
  if (values.help === true) {
    stdout.write(`${usage}\n`);
    return 0;
  }
  if (what !== "queue" || folder === undefined || others.length > 0) throw new UsageError(usage);
  const home = findHome(env);
  const dry = values["dry-run"] === true;
  const bar = progressBar(stderr);
  try {
    const classic = resolve(cwd, folder);
    const imported = await importQueue({ classic, home, routing: loadRouting(home), dry, progress: bar.show });
    bar.end();
    stdout.write(values.json === true ? `${JSON.stringify({ dryRun: dry, ...imported })}\n` : told(imported, dry));
    return imported.troubles.length === 0 ? 0 : 1;
  } catch (error) {
    bar.end();
    stderr.write(`quail import: fatal: ${sentence(error)}\n`);
    return 111;
  }
};

function sentence(error: unknown): string {
  if (error instanceof ImportRefused || error instanceof ControlError) return error.message;
  const path = (error as { readonly path?: unknown }).path;
  const where = typeof path === "string" ? `${path}: ` : "";
  const hint = errorCode(error) === "EACCES" ? " (root may read all of a classic queue)" : "";
  return `${where}${errorText(error)}${hint}`;
}
