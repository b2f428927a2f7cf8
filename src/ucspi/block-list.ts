import { lowerAscii, utf8ToByteString } from "#bytes";
import { type Resolver, reverseName } from "#dns";
import { plainIp } from "#net";

/** What rblsmtpd does with a client. */
export type BlockVerdict =
  | { readonly kind: "accept" }
  | { readonly kind: "reject"; readonly code: 451 | 553; readonly text: string };

/** The list options as they stand on the command line: `-b`, `-B`, `-c`, `-C` count for the lists behind them. */
export type ListOptions = readonly (readonly [letter: string, value: string])[];

const maxTextBytes = 200;
const troubleText = "temporary RBL lookup error";

/** A text as a reply may hold it: one line of printable ASCII, of bounded length. */
export function replyText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, maxTextBytes);
}

/** What RBLSMTPD says, if it is set: nothing: accept; `-text`: for good; `text`: for now. */
export function verdictOfVariable(variable: string): BlockVerdict {
  if (variable === "") return { kind: "accept" };
  const forGood = variable.startsWith("-");
  return {
    kind: "reject",
    code: forGood ? 553 : 451,
    text: replyText(utf8ToByteString(variable.slice(forGood ? 1 : 0))),
  };
}

/** The name an address has in a list: octets backwards, of IPv6 nibbles backwards (RFC 5782 sections 2.1, 2.4). Null for no address. */
export function listedName(ip: string, base: string): string | null {
  const reverse = reverseName(plainIp(ip));
  return reverse === null
    ? null
    : `${reverse.replace(/\.(?:in-addr|ip6)\.arpa$/, "")}.${lowerAscii(utf8ToByteString(base))}`;
}

/**
 * Asks the lists in their order; the first that says something decides. A blacklist (`-r`) rejects with its TXT; a whitelist (`-a`)
 * accepts whom it has an address for. A list that cannot be asked lets the client pass, unless `-c` stands before it; from then on a
 * rejection is for now only.
 */
export async function askLists(ip: string, options: ListOptions, resolver: Resolver): Promise<BlockVerdict> {
  let isForGood = false;
  let failsClosed = false;
  let hadTrouble = false;
  const reject = (text: string): BlockVerdict => ({
    kind: "reject",
    code: isForGood && !hadTrouble ? 553 : 451,
    text: replyText(text),
  });
  for (const [letter, value] of options) {
    if (letter === "b" || letter === "B") isForGood = letter === "b";
    if (letter === "c" || letter === "C") failsClosed = letter === "c";
    const name = letter === "r" || letter === "a" ? listedName(ip, value) : null;
    if (name === null) continue;
    const found = letter === "r" ? await resolver.resolveTxt(name) : await resolver.resolveIpv4(name);
    if (found.kind === "temporary") {
      hadTrouble = true;
      if (letter === "r" && failsClosed) return reject(troubleText);
      if (letter === "a" && !failsClosed) return { kind: "accept" };
    }
    if (found.kind !== "found") continue;
    return letter === "a" ? { kind: "accept" } : reject(found.values.join(""));
  }
  return { kind: "accept" };
}
