import { getopt, type Program, type ProgramCall, UsageError } from "#process";
import { askLists, type BlockVerdict, rejectSession, resolverOf, scanNumber, verdictOfVariable } from "#ucspi";

const usage = "rblsmtpd: usage: rblsmtpd [ -b ] [ -R ] [ -t timeout ] [ -r base ] [ -a base ] smtpd [ arg ... ]";
const timeoutSecondsDefault = 60;

/**
 * `rblsmtpd [options] smtpd [arg ...]`: asks block lists about the client of TCPREMOTEIP; one that is listed hears why, all others get the
 * SMTP server. RBLSMTPD decides beforehand. Without `-r` nothing is asked (the original asked a list that is long dead).
 */
export const main: Program = async (call) => {
  const parsed = getopt(call.args, "bBcCt:r:a:");
  if ("problem" in parsed) throw new UsageError(`rblsmtpd: ${parsed.problem}\n${usage}`);
  const [program, ...args] = parsed.rest;
  if (program === undefined) throw new UsageError(usage);
  const verdict = await judge(call, parsed.options);
  if (verdict.kind === "accept") return call.exec([program, ...args], { lastOf: "rblsmtpd" });
  const { TCPREMOTEIP: ip = "" } = call.env;
  const rejection = `${verdict.code} ${verdict.text}`;
  call.stderr.write(`rblsmtpd: ${ip.replace(/[^\x21-\x7e]/g, "?")} pid ${call.pid}: ${rejection}\n`);
  const timeout = parsed.options.findLast(([letter]) => letter === "t")?.[1];
  const seconds = timeout === undefined ? timeoutSecondsDefault : scanNumber(timeout);
  if (seconds === 0) call.stdout.write(`${rejection}\r\n`);
  else await rejectSession(call.stdin, call.stdout, rejection, seconds * 1000);
  return 0;
};

async function judge(call: ProgramCall, options: readonly (readonly [string, string])[]): Promise<BlockVerdict> {
  const { RBLSMTPD: variable, TCPREMOTEIP: ip } = call.env;
  if (variable !== undefined) return verdictOfVariable(variable);
  if (ip === undefined) return { kind: "accept" };
  return askLists(ip, options, resolverOf(call.env));
}
