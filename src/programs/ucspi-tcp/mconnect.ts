import type { Duplex, Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import type { Program, ProgramCall } from "#process";
import { addCr, type Connecting, connectTo, readFd, writeFd } from "#ucspi";

const plain: Connecting = {
  verbosity: "errors",
  seconds: [2, 58],
  from: undefined,
  fromPort: undefined,
  noDelay: false,
  family: "any",
};
const trouble = 111;

/** `mconnect [host [port]]`: talks to a server by hand: what is typed goes there with CRs, what it says is shown. Ends when it closes. */
export const main: Program = async (call) => {
  const [host = "0", port = "25"] = call.args;
  const socket: Duplex | null = await connectTo(call, host, port, plain);
  return socket === null ? trouble : converse(call, socket, socket);
};

/** `mconnect-io`: the same on descriptors 6 and 7, for tcpclient. */
export const io: Program = async (call) => {
  const [from, to] = [call.input(readFd), call.output(writeFd)];
  if (from === null || to === null) {
    call.stderr.write("mconnect-io: fatal: descriptors 6 and 7 are no connection\n");
    return trouble;
  }
  return converse(call, from, to);
};

async function converse(call: ProgramCall, from: Readable, to: Writable): Promise<number> {
  const typed = addCr();
  to.on("error", () => {});
  call.stdin.on("data", (chunk: Buffer) => {
    if (to.write(typed(chunk))) return;
    call.stdin.pause();
    to.once("drain", () => call.stdin.resume());
  });
  from.on("data", (chunk: Buffer) => {
    if (call.stdout.write(chunk)) return;
    from.pause();
    call.stdout.once("drain", () => from.resume());
  });
  // A connection that breaks off is over like one that is closed.
  await finished(from, { writable: false }).catch(() => {});
  call.stdin.pause();
  from.destroy();
  to.destroy();
  return 0;
}
