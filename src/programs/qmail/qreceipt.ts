import { utf8ToByteString } from "#bytes";
import type { ReversePath } from "#mail";
import { HeaderSplitter, type SplitHeader } from "#message";
import type { Program, ProgramCall } from "#process";
import { receiptFor } from "./receipt.ts";
import { fatal, repost, variable } from "./repost.ts";

/** A header longer than this asks for nothing. */
const maxHeaderBytes = 1024 * 1024;

async function readHeader(call: ProgramCall): Promise<SplitHeader | null> {
  const splitter = new HeaderSplitter();
  let sizeBytes = 0;
  for await (const bytes of call.stdin) {
    sizeBytes += bytes.length;
    const header = splitter.push(bytes as Buffer);
    if (header !== null) return header;
    if (sizeBytes > maxHeaderBytes) return null;
  }
  return splitter.end();
}

/** `qreceipt address`: confirms a delivery to this address to the sender, if the message on stdin asks for it (spec 2.15). */
export const main: Program = async (call) => {
  const [address] = call.args;
  const sender = variable(call, "SENDER");
  if (address === undefined || sender === undefined) {
    call.stderr.write("qreceipt: usage: qreceipt deliveryaddress\n");
    return 100;
  }
  const header = await readHeader(call);
  const receipt = receiptFor(header?.fields ?? [], sender as ReversePath, utf8ToByteString(address));
  if (receipt.kind === "none") return 0;
  if (receipt.kind === "malformed")
    return fatal(call, "qreceipt", `unable to parse this: ${receipt.field.trimEnd()}`, 100);
  const notice = { name: "qreceipt", sender: "", recipients: [sender], onTop: receipt.text, message: nothing() };
  const posted = await repost(call, notice);
  return "code" in posted ? posted.code : 0;
};

async function* nothing(): AsyncGenerator<Uint8Array> {
  // All of the notice stands on top.
}
