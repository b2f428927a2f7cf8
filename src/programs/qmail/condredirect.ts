import { Readable } from "node:stream";
import { utf8ToByteString } from "#bytes";
import { HeldBytes } from "#files";
import type { Program, ProgramCall } from "#process";
import { askChild } from "./ask-child.ts";
import { fatal, repost, variable } from "./repost.ts";

/** Exit code that ends a delivery well, without the lines that follow. */
const enough = 99;

/**
 * `condredirect newaddress program [arg ...]`: if the program says yes to the message on stdin, the message goes to the new
 * address instead (from SENDER, DTLINE on top) and the delivery ends there: exit 99 (spec 2.15).
 */
export const main: Program = async (call) => {
  const [address, program, ...args] = call.args;
  if (address === undefined || program === undefined) {
    call.stderr.write("condredirect: usage: condredirect newaddress program [ arg ... ]\n");
    return 100;
  }
  await using message = new HeldBytes();
  for await (const bytes of call.stdin) await message.write(bytes as Uint8Array);
  const stdin = Readable.from(message.read(), { objectMode: false });
  const answer = await askChild(call, [program, ...args], { stdin });
  if (answer.kind === "unknown") return fatal(call, "condredirect", answer.why, 111);
  // Awaited here: the message is let go when this function ends.
  return answer.kind === "no" ? 0 : await redirect(call, address, message);
};

async function redirect(call: ProgramCall, address: string, message: HeldBytes): Promise<number> {
  const sender = variable(call, "SENDER");
  const onTop = variable(call, "DTLINE");
  if (sender === undefined) return fatal(call, "condredirect", "SENDER not set", 100);
  if (onTop === undefined) return fatal(call, "condredirect", "DTLINE not set", 100);
  const recipients = [utf8ToByteString(address)];
  const posted = await repost(call, { name: "condredirect", sender, recipients, onTop, message: message.read() });
  if ("code" in posted) return posted.code;
  call.stderr.write(`condredirect: qp ${posted.queueId}\n`);
  return enough;
}
