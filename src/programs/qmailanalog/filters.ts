import { fieldsOf, filterProgram, sendmailLine } from "#analyse/tables";
import { type ByteString, utf8ToByteString } from "#bytes";
import { type Program, type ProgramCall, UsageError } from "#process";
import { lineFilter } from "./lines.ts";

/** Keeps the `d` and `m` lines whose field (counted from 1; 0: never) equals `wanted` (spec, section 3). */
function keep(call: ProgramCall, places: { readonly d: number; readonly m: number }, wanted: ByteString) {
  const fits = (line: ByteString): boolean => {
    const place = line.startsWith("d") ? places.d : line.startsWith("m") ? places.m : 0;
    return place > 0 && fieldsOf(line)[place - 1] === wanted;
  };
  return filterProgram(
    call,
    lineFilter((line) => (fits(line) ? `${line}\n` : "")),
  );
}

function onlyWord({ name, args }: ProgramCall, what: string): ByteString {
  const [word] = args;
  if (word === undefined || args.length !== 1) throw new UsageError(`${name}: usage: ${name} ${what}`);
  return utf8ToByteString(word);
}

/** `xqp QP`: the lines of one qmail-queue process. */
export const xqp: Program = async (call) => keep(call, { d: 9, m: 9 }, onlyWord(call, "qp"));

/** `xsender SENDER`: the lines of one envelope sender, in lower case. */
export const xsender: Program = async (call) => keep(call, { d: 7, m: 8 }, `<${onlyWord(call, "sender")}>`);

/** `xrecipient CHANNEL.RECIPIENT`: the deliveries to one recipient, `remote.joe@example.com`. */
export const xrecipient: Program = async (call) => keep(call, { d: 8, m: 0 }, onlyWord(call, "channel.recipient"));

/** `zsendmail`: matchup's output as sendmail would have logged it. */
export const zsendmail: Program = async (call) =>
  filterProgram(
    call,
    lineFilter((line) => `${sendmailLine(line)}\n`),
  );
