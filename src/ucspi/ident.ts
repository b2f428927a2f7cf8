import { type ConnectFailure, connectTcp } from "#net";
import type { Ends } from "./facts.ts";

/** RFC 1413 section 3. */
const identPort = 113;
/** As the original: what is longer is cut here and used. */
const maxInfoBytes = 256;
/** An answer has about 40 octets beside the user's name; an endless one is not waited for. */
const maxAnswerBytes = 4096;

/** Reads an answer as it comes. `undefined`: there is more to come. Blanks and CR count nowhere; a NUL ends what an environment can hold. */
export function identInfo(answer: string): string | undefined {
  const bare = answer.replace(/[ \t\r]/g, "");
  const lf = bare.indexOf("\n");
  const line = lf < 0 ? bare : bare.slice(0, lf);
  const info = /^(?:[^:]*:){3}(.*)$/s.exec(line)?.[1] ?? "";
  if (lf < 0 && info.length <= maxInfoBytes && answer.length < maxAnswerBytes) return undefined;
  return info.slice(0, maxInfoBytes + 1).replace(/\0.*/s, "");
}

/**
 * Asks the peer's IDENT server (RFC 1413) whose connection this is. The answer as a byte string, "" if it names nobody; null if there
 * is none in time. `port` is for tests.
 */
export async function askIdent(ends: Ends, timeoutMs: number, port = identPort): Promise<string | null> {
  const startedAt = performance.now();
  const socket = await connectTcp({ host: ends.remoteIp, port, from: ends.localIp }, timeoutMs);
  if (isFailure(socket)) return null;
  return new Promise((done) => {
    let answer = "";
    const settle = (info: string | null): void => {
      clearTimeout(late);
      socket.destroy();
      done(info);
    };
    const late = setTimeout(() => settle(null), Math.max(1, timeoutMs - (performance.now() - startedAt)));
    socket.setEncoding("latin1");
    socket.on("error", () => settle(null));
    socket.on("close", () => settle(null)); // An answer without LF is none.
    socket.on("data", (chunk: string) => {
      answer += chunk;
      const info = identInfo(answer);
      if (info !== undefined) settle(info);
    });
    socket.write(`${ends.remotePort} , ${ends.localPort}\r\n`);
  });
}

function isFailure(result: object): result is ConnectFailure {
  return "kind" in result;
}
