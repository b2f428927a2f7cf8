import { Socket } from "node:net";
import { errorText } from "#files";
import { type ConnectFailure, connectTcp } from "#net";

/** Where and how to connect. */
export type Dial = {
  /** In the order to try. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly from?: string;
  readonly fromPort?: number;
  /** Seconds for each address in the first pass and in the second, as `-T` has them. */
  readonly seconds: readonly [first: number, second: number];
  /** Told of every address that could not be reached, with the reason. */
  readonly failed: (ip: string, reason: string) => void;
};

/**
 * Connects to the first address that answers. Those that did not answer in time are tried again, with more patience, once all have been
 * tried; a single address gets the time of both passes at once. Null if none answers. The caller closes the socket.
 */
export async function dial({ addresses, port, from, fromPort, seconds, failed }: Dial): Promise<Socket | null> {
  const [first, second] = addresses.length === 1 ? [seconds[0] + seconds[1], 0] : seconds;
  let left = addresses;
  for (const [pass, patience] of [first, second].entries()) {
    if (patience === 0) continue;
    const silent: string[] = [];
    for (const host of left) {
      const local = { ...(from === undefined ? {} : { from }), ...(fromPort === undefined ? {} : { fromPort }) };
      const result = await connectTcp({ host, port, ...local }, patience * 1000);
      if (result instanceof Socket) return result;
      if (pass === 0 && second > 0 && result.kind === "timeout") silent.push(host);
      else failed(host, wordsFor(result));
    }
    left = silent;
  }
  return null;
}

function wordsFor({ kind, reason }: ConnectFailure): string {
  return errorText({ code: kind === "timeout" ? "ETIMEDOUT" : reason });
}

/**
 * Addresses in the order to try: those of each family drawn at random, so that all hosts of a name get their share, the families in turn,
 * IPv6 first (RFC 8305 section 4): where one does not work, the next is of the other.
 */
export function dialOrder(addresses: readonly string[], random: () => number = Math.random): readonly string[] {
  const shuffled = addresses
    .map((ip) => ({ ip, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ ip }) => ip);
  const six = shuffled.filter((ip) => ip.includes(":"));
  const four = shuffled.filter((ip) => !ip.includes(":"));
  return Array.from({ length: Math.max(six.length, four.length) }, (_, at) => [six[at], four[at]])
    .flat()
    .filter((ip) => ip !== undefined);
}
