import { parseArgs } from "node:util";
import {
  columns,
  filterProgram,
  Overall,
  overallExplanation,
  overallHeading,
  parseMatched,
  sorted,
  type TableReport,
  tableReports,
} from "#analyse/tables";
import { type ByteString, displayText } from "#bytes";
import { type Program, type ProgramCall, UsageError } from "#process";
import { lineFilter } from "./lines.ts";

/** What a program prints above its table. */
const title = (heading: string, explanation: string): ByteString => `${heading}\n\n${explanation}\n\n`;

type Options = { readonly json: boolean; readonly reverse: boolean };

function readOptions({ name, args }: ProgramCall): Options {
  try {
    const options = { json: { type: "boolean" }, reverse: { type: "boolean", short: "r" } } as const;
    const { values } = parseArgs({ args: [...args], options });
    return { json: values.json === true, reverse: values.reverse === true };
  } catch {
    throw new UsageError(`${name}: usage: ${name} [ -r ] [ --json ]`);
  }
}

/** Numbers as numbers, the rest as text. */
const jsonValue = (field: ByteString): number | string =>
  /^-?[0-9]+(\.[0-9]+)?$/.test(field) ? Number(field) : displayText(field);

const asJson = (value: unknown): ByteString => Buffer.from(`${JSON.stringify(value, null, 2)}\n`).toString("latin1");

function tableText(report: TableReport, rows: readonly (readonly ByteString[])[]): ByteString {
  const table = columns([report.columns, ...rows]);
  return title(report.heading, report.explanation) + (report.isReason === true ? table.replaceAll("_", " ") : table);
}

const rowObject = (report: TableReport, row: readonly ByteString[]): Record<string, number | string> =>
  Object.fromEntries(
    report.columns.map((column, at) => {
      const isKey = at === report.columns.length - 1;
      const field = row[at] ?? "";
      const text = displayText(report.isReason === true ? field.replaceAll("_", " ") : field);
      return [column, isKey && column !== "pct" ? text : jsonValue(field)];
    }),
  );

/** The program of a table. */
const tableProgram =
  (report: TableReport): Program =>
  async (call) => {
    const { json, reverse } = readOptions(call);
    const gathering = report.newGathering();
    const filter = lineFilter((line) => {
      const record = parseMatched(line);
      if (record !== null) gathering.take(record);
      return "";
    });
    return filterProgram(call, {
      take: filter.take,
      *end() {
        yield* filter.end?.() ?? [];
        const rows = sorted(gathering.rows(), report.sortColumn, reverse);
        yield json ? asJson(rows.map((row) => rowObject(report, row))) : tableText(report, rows);
      },
    });
  };

/** `zoverall`: basic statistics. */
const zoverall: Program = async (call) => {
  const { json } = readOptions(call);
  const overall = new Overall();
  const filter = lineFilter((line) => {
    const record = parseMatched(line);
    if (record !== null) overall.take(record);
    return "";
  });
  return filterProgram(call, {
    take: filter.take,
    *end() {
      yield* filter.end?.() ?? [];
      const lines = overall.lines();
      const facts = lines.flatMap((line) =>
        line === null ? [] : [[line[0].trim().replace(/:$/, ""), Number(line[1])]],
      );
      const text = lines.map((line) => (line === null ? "\n" : `${line.join(" ")}\n`)).join("");
      yield json ? asJson(Object.fromEntries(facts)) : title(overallHeading, overallExplanation) + text;
    },
  });
};

/** Each report of qmailanalog as a program: matchup's output on stdin, a heading, what the columns mean, the table. */
export function reportProgram(name: string): Program {
  const report = tableReports.get(name);
  return report === undefined ? zoverall : tableProgram(report);
}
