import { Duplex, type Readable, type Writable } from "node:stream";

/**
 * Standard input and output as one connection. Writes count as done when `output` has taken them; ending or destroying the
 * connection leaves both streams open, as a program's own ones must be. A stream that is both is returned as it is.
 */
export function joinStreams(input: Readable, output: Writable): Duplex {
  if ((input as unknown) === output && input instanceof Duplex) return input;
  const joined = new Duplex({
    allowHalfOpen: true,
    read: () => void input.resume(),
    write(chunk: Buffer, _encoding, done) {
      output.write(chunk, (error) => done(error ?? null));
    },
    destroy(error, done) {
      input.pause();
      input.off("data", take).off("end", end).off("close", end).off("error", fail);
      output.off("error", fail);
      // Errors that come later have nobody to go to.
      input.on("error", () => {});
      output.on("error", () => {});
      done(error);
    },
  });
  const take = (chunk: Buffer): void => {
    if (!joined.push(chunk)) input.pause();
  };
  const end = (): void => void joined.push(null);
  const fail = (error: Error): void => void joined.destroy(error);
  input.on("data", take).on("error", fail);
  if (input.readableEnded || input.destroyed) end();
  // "close" without "end" is a peer that went away in the middle; a second null is ignored by the check below.
  else input.once("end", end).once("close", () => (joined.readableEnded || input.readableEnded ? undefined : end()));
  output.on("error", fail);
  return joined;
}
