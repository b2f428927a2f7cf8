import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { drawPage, drawTerminal, LogReport, readLogFile, readLogStream, summarize, type Window } from "#analyse";
import { findHome } from "#control";
import { errorCode, errorText } from "#files";
import { logFiles, shownSize, subfolders } from "#log";
import { type Program, type ProgramCall, UsageError, writeAll } from "#process";
import { progressBar } from "./progress-bar.ts";
import { parseMoment } from "./report-window.ts";

const usage = `usage: quail report [--since WHEN] [--until WHEN] [--top N] [--json | --html] [FILE | DIR | - ...]
       quail report --deliveries [--follow] [--since WHEN] [--until WHEN] [FILE | DIR | - ...]
       WHEN: 2026-11-22, "2026-11-22 10:15", an age (90m, 12h, 7d), or seconds since 1970
       without files: the logs of this home`;

const topDefault = 10;
const maxTop = 1000;
const defaultWidth = 80;

const optionTypes = {
  since: { type: "string" },
  until: { type: "string" },
  top: { type: "string" },
  json: { type: "boolean" },
  html: { type: "boolean" },
  deliveries: { type: "boolean" },
  follow: { type: "boolean" },
} as const;

type Asked = {
  readonly window: Window;
  readonly top: number;
  readonly form: "terminal" | "json" | "html" | "deliveries" | "follow";
  readonly places: readonly string[];
};

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: optionTypes, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`quail report: ${errorText(error)}\n${usage}`);
  }
}

function readArgs(args: readonly string[], now: Date): Asked {
  const { values, positionals } = parse(args);
  const moment = (name: "since" | "until", otherwise: number): number => {
    const text = values[name];
    if (text === undefined) return otherwise;
    const seconds = parseMoment(text, now);
    if (seconds === null) throw new UsageError(`quail report: --${name} ${text} is no time\n${usage}`);
    return seconds;
  };
  const top = values.top === undefined ? topDefault : /^[0-9]{1,4}$/.test(values.top) ? Number(values.top) : 0;
  if (top < 1 || top > maxTop) throw new UsageError(`quail report: --top wants a number from 1 to ${maxTop}\n${usage}`);
  if (values.json === true && values.html === true)
    throw new UsageError(`quail report: --json or --html, not both\n${usage}`);
  const window = { since: moment("since", Number.NEGATIVE_INFINITY), until: moment("until", Number.POSITIVE_INFINITY) };
  const isFollowed = values.follow === true;
  if (isFollowed && (values.deliveries !== true || positionals.length > 1))
    throw new UsageError(`quail report: --follow goes with --deliveries and one log folder\n${usage}`);
  const deliveries = isFollowed ? "follow" : values.deliveries === true ? "deliveries" : null;
  const form = deliveries ?? (values.json ? "json" : values.html ? "html" : "terminal");
  return { window, top, form, places: positionals };
}

/** One log: files that follow each other; "-" is standard input. */
type Log = readonly string[];

/** The logs of a folder: its own files if multilog wrote there, else those of its subfolders (`log/` of a home). */
function logsOfFolder(folder: string): readonly Log[] {
  const own = logFiles(folder);
  if (own.length > 0) return [own];
  return subfolders(folder)
    .map((name) => logFiles(join(folder, name)))
    .filter((files) => files.length > 0);
}

/** What the arguments name: folders are logs of their own, files one log together in the order given. */
function logsOf(places: readonly string[], cwd: string): readonly Log[] {
  const loose: string[] = [];
  const logs: Log[] = [];
  for (const place of places) {
    const path = place === "-" ? "-" : resolve(cwd, place);
    if (path !== "-" && statSync(path).isDirectory()) logs.push(...logsOfFolder(path));
    else loose.push(path);
  }
  return loose.length > 0 ? [loose, ...logs] : logs;
}

const sizeOf = (path: string): number => (path === "-" ? 0 : statSync(path).size);

/** Reads all logs; a file that rotation removed meanwhile is passed over. */
async function readAll(call: ProgramCall, report: LogReport, logs: readonly Log[]) {
  const all = logs.flat().reduce((sum, path) => sum + sizeOf(path), 0);
  const progress = progressBar(call.stderr, (done, whole) => `${shownSize(done)} of ${shownSize(whole)}`);
  let bytes = 0;
  let files = 0;
  const heard = (count: number): void => {
    bytes += count;
    progress.show(bytes, Math.max(all, bytes));
  };
  const sink = report.line.bind(report);
  try {
    for (const log of logs) {
      for (const path of log) {
        files++;
        if (path === "-") await readLogStream(call.stdin, sink, heard);
        else {
          await readLogFile(path, sink, heard).catch((error: unknown) => {
            if (errorCode(error) !== "ENOENT") throw new Error(`${path}: ${errorText(error)}`);
          });
        }
      }
      report.endOfLog();
    }
  } finally {
    progress.end();
  }
  return { files, bytes };
}

/**
 * `quail report`: one pass over the logs, then sums: messages, deliveries, delays, reasons, who is behind them, sessions of the servers,
 * troubles. For people at a terminal, `--html` a page, `--json` a program. Memory does not grow with the logs.
 */
export const main: Program = async (call) => {
  const { args, cwd, env, stdout, stderr } = call;
  const asked = readArgs(args, new Date());
  try {
    const places = asked.places.length > 0 ? asked.places : [join(findHome(env), "log")];
    if (asked.form === "follow") {
      const folder = resolve(cwd, asked.places[0] ?? join(findHome(env), "log", "queue"));
      return await (await import("./report-deliveries.ts")).followDeliveries(call, folder, asked.window);
    }
    if (asked.form === "deliveries") {
      return await (await import("./report-deliveries.ts")).printDeliveries(call, logsOf(places, cwd), asked.window);
    }
    const report = new LogReport(asked.window);
    const source = await readAll(call, report, logsOf(places, cwd));
    const summary = summarize(report, source, asked.top);
    if (asked.form === "json") await writeAll(stdout, `${JSON.stringify(summary, null, 2)}\n`);
    else if (asked.form === "html") await writeAll(stdout, drawPage(summary));
    else {
      const terminal = stdout as { readonly isTTY?: boolean; readonly columns?: number };
      const colours = terminal.isTTY === true && env.NO_COLOR === undefined;
      await writeAll(stdout, drawTerminal(summary, { width: terminal.columns ?? defaultWidth, colours }));
    }
    return report.lines > 0 ? 0 : 1;
  } catch (error) {
    stderr.write(`quail report: fatal: ${errorText(error)}\n`);
    return 111;
  }
};
