/**
 * The bare ceiling: an SMTP server that parses, discards and says 250, without disk, queue, limits or log. What this
 * does under the same load is what the load tools, the loopback interface and Node leave to a server on this machine.
 * `node bare-server.ts PORT`
 */
import { createServer, type Socket } from "node:net";

const endOfData = Buffer.from("\r\n.\r\n");

function answer(line: string): string {
  switch (line.slice(0, 4).toUpperCase()) {
    case "EHLO":
      return "250-bare.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n";
    case "DATA":
      return "354 go ahead\r\n";
    case "QUIT":
      return "221 bye\r\n";
    case "MAIL":
    case "RCPT":
    case "HELO":
    case "RSET":
    case "NOOP":
      return "250 ok\r\n";
    default:
      return "502 unimplemented\r\n";
  }
}

function serve(socket: Socket): void {
  /** Bytes not understood yet: the start of a command line, or of the end of a message. */
  let rest: Buffer = Buffer.alloc(0);
  let inData = false;
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy()); // The load tool may leave as it likes.
  socket.on("data", (chunk: Buffer) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let replies = "";
    let bye = false;
    while (!bye) {
      const mark = inData ? endOfData : "\n";
      const end = bytes.indexOf(mark);
      if (end < 0) break;
      if (inData) {
        inData = false;
        replies += "250 ok\r\n";
      } else {
        const line = bytes.toString("latin1", 0, end);
        replies += answer(line);
        inData = /^data/i.test(line);
        bye = /^quit/i.test(line);
      }
      bytes = bytes.subarray(end + mark.length);
    }
    // Of a message only the last four bytes matter: they may be the start of its end.
    rest = inData ? bytes.subarray(-(endOfData.length - 1)) : bytes;
    if (bye) socket.end(replies);
    else if (replies !== "") socket.write(replies);
  });
  socket.write("220 bare.test ESMTP\r\n");
}

createServer(serve).listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 1024 });
