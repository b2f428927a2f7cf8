import { open, rename } from "node:fs/promises";
import { resolve } from "node:path";
import { buffer } from "node:stream/consumers";
import { displayText, fromBytes } from "#bytes";
import { errorText } from "#files";
import { parseTcpRuleLines } from "#net";
import { type Program, type ProgramCall, UsageError } from "#process";
import { renderRuleDatabase } from "#ucspi";

const misused = 100;
const trouble = 111;

/** `tcprules rules.cdb rules.tmp < rules`: compiles rules for tcpserver's `-x`. Replaces rules.cdb as a whole, or leaves it as it is. */
export const main: Program = async (call) => {
  const [target, temporary, ...more] = call.args;
  if (target === undefined || temporary === undefined || more.length > 0) {
    throw new UsageError("tcprules: usage: tcprules rules.cdb rules.tmp");
  }
  let doing = `create ${temporary}`;
  try {
    const handle = await open(resolve(call.cwd, temporary), "w", 0o644);
    try {
      doing = "read input";
      const rules = parseTcpRuleLines(fromBytes(await buffer(call.stdin)));
      if ("kind" in rules) return fatal(call, `unable to parse this line: ${displayText(rules.text)}`, misused);
      doing = `write to ${temporary}`;
      await handle.writeFile(renderRuleDatabase(rules));
      await handle.sync();
    } finally {
      await handle.close();
    }
    doing = `move ${temporary} to ${target}`;
    await rename(resolve(call.cwd, temporary), resolve(call.cwd, target));
    return 0;
  } catch (error) {
    return fatal(call, `unable to ${doing}: ${errorText(error)}`, trouble);
  }
};

function fatal({ stderr }: ProgramCall, text: string, code: number): number {
  stderr.write(`tcprules: fatal: ${text}\n`);
  return code;
}
