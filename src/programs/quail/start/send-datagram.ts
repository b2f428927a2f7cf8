/** `node send-datagram.ts SOCKET TEXT`: one datagram to a Unix socket (`@NAME`: an abstract one), in a process that ends with it. */
import { datagramTo } from "#files";

const [path = "", text = ""] = process.argv.slice(2);
const sender = datagramTo(path.replace(/^@/, "\0"));
process.exitCode = sender?.send(Buffer.from(text)) === true ? 0 : 111;
