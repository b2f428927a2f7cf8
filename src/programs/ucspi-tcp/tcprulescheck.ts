import { resolve } from "node:path";
import { displayText } from "#bytes";
import { errorText } from "#files";
import { type Program, type ProgramCall, UsageError } from "#process";
import { openRuleBook } from "#ucspi";

const trouble = 111;

/** `tcprulescheck rules.cdb`: shows which rule tcpserver would apply to TCPREMOTEIP, TCPREMOTEHOST and TCPREMOTEINFO, and what it does. */
export const main: Program = async (call) => {
  const [path, ...more] = call.args;
  if (path === undefined || more.length > 0) throw new UsageError("tcprulescheck: usage: tcprulescheck rules.cdb");
  try {
    const book = openRuleBook(resolve(call.cwd, path));
    if (book === null) return fatal(call, path, "file does not exist");
    const { TCPREMOTEIP: ip = "0.0.0.0", TCPREMOTEHOST: host, TCPREMOTEINFO: info } = call.env;
    const found = book.find({ ip, ...(host === undefined ? {} : { host }), ...(info === undefined ? {} : { info }) });
    book.close();
    call.stdout.write(found === null ? "default:\nallow connection\n" : render(displayText(found.key), found.rule));
    return 0;
  } catch (error) {
    return fatal(call, path, errorText(error));
  }
};

type Rule = NonNullable<ReturnType<NonNullable<ReturnType<typeof openRuleBook>>["find"]>>["rule"];

function render(key: string, { verdict, changes }: Rule): string {
  if (verdict === "deny") return `rule ${key}:\ndeny connection\n`;
  const lines = changes.map(([name, value]) =>
    value === null
      ? `remove environment variable ${displayText(name)}\n`
      : `set environment variable ${displayText(name)}=${displayText(value)}\n`,
  );
  return `rule ${key}:\n${lines.join("")}allow connection\n`;
}

function fatal({ stderr }: ProgramCall, path: string, why: string): number {
  stderr.write(`tcprulescheck: fatal: unable to read ${path}: ${why}\n`);
  return trouble;
}
