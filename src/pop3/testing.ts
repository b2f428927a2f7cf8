/** A client on a script, for tests: what it sends and what must come back, on one line each. */
import assert from "node:assert/strict";
import { type Duplex, duplexPair } from "node:stream";
import { LineWire } from "#net";

/** A wire for a server, and the client's end of it. */
export function wirePair(timeoutMs = 10_000): { readonly wire: LineWire; readonly client: Duplex } {
  const [server, client] = duplexPair();
  client.on("error", () => {}); // The server cut us off: the script says whether that was to come.
  return { wire: new LineWire(server, timeoutMs), client };
}

/** Reads lines of what a server says. */
export function lineReader(client: Duplex): () => Promise<string | null> {
  let text = "";
  let ended = false;
  let wake: (() => void) | null = null;
  client.on("data", (piece: Buffer) => {
    text += piece.toString("latin1");
    wake?.();
  });
  for (const event of ["end", "close"]) {
    client.on(event, () => {
      ended = true;
      wake?.();
    });
  }
  return async () => {
    for (;;) {
      const at = text.indexOf("\r\n");
      if (at >= 0) {
        const line = text.slice(0, at);
        text = text.slice(at + 2);
        return line;
      }
      if (ended) return null;
      await new Promise<void>((go) => {
        wake = go;
      });
    }
  };
}

/**
 * Plays a script: `C: ` a line to send with CRLF, `C> ` bytes as a JSON string's inside, `S: ` the next line of the server,
 * `S~ ` a pattern of it, `CLOSED` the server has ended. Blank lines and `#` are skipped.
 */
export async function play(client: Duplex, script: string): Promise<void> {
  const next = lineReader(client);
  for (const raw of script.split("\n")) {
    const step = raw.trimStart();
    if (step === "" || step.startsWith("#")) continue;
    const rest = step.slice(3);
    if (step.startsWith("C: ")) client.write(Buffer.from(`${rest}\r\n`, "latin1"));
    else if (step.startsWith("C> ")) client.write(Buffer.from(JSON.parse(`"${rest}"`) as string, "latin1"));
    else if (step.startsWith("S: ")) assert.equal(await next(), rest, step);
    else if (step.startsWith("S~ ")) assert.match((await next()) ?? "(closed)", new RegExp(rest), step);
    else if (step.trim() === "CLOSED") assert.equal(await next(), null, step);
    else throw new Error(`what is "${step}"?`);
  }
}
