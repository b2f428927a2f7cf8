/** A POP3 client for loopback that reads what it asked for and counts it. */
import { once } from "node:events";
import { connect } from "node:net";

const answerLimitMs = 60_000;
const endOfMessage = Buffer.from("\r\n.\r\n");

export type Pop3Client = {
  /** Sends a command whose answer is one line; throws unless it is +OK. */
  ask(line: string): Promise<string>;
  /** Sends a command whose answer goes on to a lone dot; resolves with its bytes. */
  askMore(line: string): Promise<number>;
  close(): void;
};

/** Connects and waits for the greeting. */
export async function openPop3(port: number): Promise<Pop3Client> {
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  socket.on("error", () => {}); // Whoever waits for an answer hears of it.
  const chunks = socket[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  const more = async (): Promise<void> => {
    const limit = AbortSignal.timeout(answerLimitMs);
    const chunk = await Promise.race([chunks.next(), once(limit, "abort").then(() => null)]);
    if (chunk === null) throw new Error("no answer within 60 s");
    if (chunk.done === true) throw new Error("the server has closed the connection");
    rest = rest.length === 0 ? (chunk.value as Buffer) : Buffer.concat([rest, chunk.value as Buffer]);
  };
  const firstLine = async (what: string): Promise<string> => {
    let end: number;
    while ((end = rest.indexOf("\n")) < 0) await more();
    const line = rest.toString("latin1", 0, end);
    if (!line.startsWith("+OK")) throw new Error(`${what}: ${line.trim()}`);
    return line;
  };
  const ask = async (line: string): Promise<string> => {
    if (line !== "") socket.write(`${line}\r\n`);
    const answer = await firstLine(line.split(" ")[0] ?? line);
    rest = rest.subarray(rest.indexOf("\n") + 1);
    return answer;
  };
  await ask("");
  return {
    ask,
    async askMore(line) {
      socket.write(`${line}\r\n`);
      await firstLine(line);
      let seen = 0;
      let end: number;
      while ((end = rest.indexOf(endOfMessage, seen)) < 0) {
        seen = Math.max(0, rest.length - endOfMessage.length + 1);
        await more();
      }
      const bytes = end + endOfMessage.length;
      rest = rest.subarray(bytes);
      return bytes;
    },
    close: () => socket.destroy(),
  };
}
