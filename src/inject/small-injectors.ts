import { Readable } from "node:stream";
import { toBytes, utf8ToByteString } from "#bytes";
import { zonedMailDate } from "#message";
import type { ProgramCall } from "#process";
import { zoneOffsetMinutes } from "./zone-offset.ts";

/** The stream with some text in front of it. */
function preceded(text: string, stream: Readable): Readable {
  const both = async function* (): AsyncGenerator<Uint8Array> {
    yield toBytes(text);
    yield* stream as AsyncIterable<Uint8Array>;
  };
  return Readable.from(both(), { objectMode: false });
}

/** Exit codes above this are a signal's number more (what `exec` and shells report). */
const signalBase = 128;
const lastSignal = 64;

/** predate (spec 2.14): puts a local-time Date field in front of stdin for the child it runs. */
export async function predate(call: ProgramCall, now: Date): Promise<number> {
  const [program, ...args] = call.args;
  if (program === undefined) {
    call.stderr.write("predate: usage: predate child\n");
    return 100;
  }
  const date = zonedMailDate(now, zoneOffsetMinutes(now, call.env.TZ));
  const code = await call.exec([program, ...args], { stdin: preceded(`Date: ${date}\n`, call.stdin) });
  if (code <= signalBase || code > signalBase + lastSignal) return code;
  call.stderr.write("predate: fatal: child crashed\n");
  return 111;
}

/** mailsubj (spec 2.14): `mailsubj subject recip ...` sends stdin as the body. The words must be fit for a header already. */
export function mailsubj(call: ProgramCall): Promise<number> {
  const [subject = "", ...recipients] = call.args.map(utf8ToByteString);
  const header = `Subject: ${subject}\nTo: ${recipients.join(" ")}\n\n`;
  return call.exec(["qmail-inject"], { stdin: preceded(header, call.stdin) });
}
