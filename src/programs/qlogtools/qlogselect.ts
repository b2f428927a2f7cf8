import { LineSelector, LineSplitter, type Selection } from "#analyse/select";
import { type ByteString, utf8ToByteString } from "#bytes";
import { errorText } from "#files";
import { type Program, UsageError, writeAll } from "#process";

const badArguments = 1;
const trouble = 111;

/** `Y-M-D` is that day's midnight, local time; digits are seconds since 1970. */
function parseTime(text: string): number {
  const [, year, month, day] = /^([0-9]+)-([0-9]+)-([0-9]+)$/.exec(text) ?? [];
  if (day !== undefined) {
    const date = new Date(Number(year), Number(month) - 1, Number(day));
    if (date.getMonth() === Number(month) - 1 && date.getDate() === Number(day)) return date.getTime() / 1000;
  } else if (/^[0-9]+$/.test(text)) return Number(text);
  throw new UsageError(`Invalid time: '${text}'`, badArguments);
}

function parsePattern(text: string): RegExp {
  try {
    return new RegExp(`^${utf8ToByteString(text)}$`, "i");
  } catch {
    throw new UsageError(`Invalid pattern: '${text}'`, badArguments);
  }
}

function parseWords(args: readonly string[]): Selection {
  const selection = { start: 0, end: 0, from: null as RegExp | null, stripStatus: false, addStatus: false };
  const words = args[Symbol.iterator]();
  for (const word of words) {
    const value = (): string => words.next().value ?? "";
    if (word === "start") selection.start = parseTime(value());
    else if (word === "end") selection.end = parseTime(value());
    else if (word === "from") selection.from = parsePattern(value());
    else if (word === "stripstatus") selection.stripStatus = true;
    else if (word === "addstatus") selection.addStatus = true;
    else throw new UsageError(`Invalid argument '${word}'`, badArguments);
  }
  return selection;
}

/**
 * `qlogselect [start TIME] [end TIME] [from PATTERN] [stripstatus] [addstatus]`: copies the lines of those messages from stdin to
 * stdout. Stamps must be decimal (tai64nunix makes them).
 */
export const main: Program = async ({ args, stdin, stdout, stderr }) => {
  const selector = new LineSelector(parseWords(args));
  let out: string[] = [];
  let bad: string[] = [];
  let isDone = false;
  const take = (line: ByteString): void => {
    if (isDone) return;
    const selected = selector.take(line);
    out.push(selected.out);
    if (selected.bad !== undefined) bad.push(`Bad line: '${selected.bad}'\n`);
    isDone = selected.isDone === true;
  };
  const splitter = new LineSplitter((bytes, from, to) => take(bytes.toString("latin1", from, to)));
  const put = async (): Promise<void> => {
    if (bad.length > 0) stderr.write(Buffer.from(bad.join(""), "latin1"));
    const text = out.join("");
    out = [];
    bad = [];
    if (text !== "") await writeAll(stdout, Buffer.from(text, "latin1"));
  };
  try {
    for await (const chunk of stdin) {
      splitter.push(chunk as Buffer);
      await put();
      if (isDone) return 0;
    }
    const rest = splitter.rest();
    if (rest.length > 0) take(rest.toString("latin1"));
    await put();
    return 0;
  } catch (error) {
    stderr.write(`qlogselect: fatal: ${errorText(error)}\n`);
    return trouble;
  }
};
