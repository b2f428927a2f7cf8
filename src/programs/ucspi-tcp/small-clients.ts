import type { Socket } from "node:net";
import type { Program, ProgramCall } from "#process";
import { addCr, type ByteFilter, bodyOnly, type Connecting, catV, connectTo, copyThrough, delCr } from "#ucspi";

/** What the original's scripts give to tcpclient: no look-ups, the usual patience. */
const plain: Connecting = {
  verbosity: "errors",
  seconds: [2, 58],
  from: undefined,
  fromPort: undefined,
  noDelay: false,
  family: "any",
};

/** What a client of one of these services says, and what it shows of the answer. */
type Service = { readonly port: string; readonly says: string; readonly filters: readonly ByteFilter[] };

const services: ReadonlyMap<string, (args: readonly string[]) => Service> = new Map<
  string,
  (args: readonly string[]) => Service
>([
  ["who@", () => ({ port: "11", says: "", filters: [delCr(), catV()] })],
  ["date@", () => ({ port: "13", says: "", filters: [delCr(), catV()] })],
  ["finger@", ([, user = ""]) => ({ port: "79", says: `${user}\n`, filters: [delCr(), catV()] })],
  [
    "http@",
    ([host = "0", page = "", port = "80"]) => ({
      port,
      says: `GET /${page} HTTP/1.0\nHost: ${host}:${port}\n\n`,
      filters: [delCr(), bodyOnly()],
    }),
  ],
  ["tcpcat", ([, port = "17"]) => ({ port, says: "", filters: [] })],
]);

/** Those end with the exit code of a pipe's last program, as the original's scripts do: it always succeeds. */
const alwaysSucceed: ReadonlySet<string> = new Set(["who@", "date@", "finger@", "http@"]);
const trouble = 111;

/** `who@`, `date@`, `finger@`, `http@`, `tcpcat`: `[host [...]]`, connects, says one thing, prints what the server answers. */
export const main: Program = async (call) => {
  const service = services.get(call.name)?.(call.args);
  if (service === undefined) return trouble;
  const socket = await connectTo(call, call.args[0] ?? "0", service.port, plain);
  if (socket === null) return alwaysSucceed.has(call.name) ? 0 : trouble;
  socket.write(addCr()(Buffer.from(service.says)));
  return show(call, socket, service.filters);
};

async function show(call: ProgramCall, socket: Socket, filters: readonly ByteFilter[]): Promise<number> {
  const wasWritten = await copyThrough(socket, call.stdout, ...filters);
  socket.destroy();
  return wasWritten ? 0 : trouble;
}
