import { readFileSync } from "node:fs";

/** Where the system names its services (services(5)). */
const servicesFile = "/etc/services";
const maxPort = 65_535;

/** For machines without that file (containers): the services this package and the book name. IANA's numbers. */
const wellKnown: ReadonlyMap<string, number> = new Map([
  ["echo", 7],
  ["daytime", 13],
  ["chargen", 19],
  ["smtp", 25],
  ["time", 37],
  ["finger", 79],
  ["http", 80],
  ["pop3", 110],
  ["auth", 113],
  ["imap2", 143],
  ["imap", 143],
  ["qmtp", 209],
  ["https", 443],
  ["submissions", 465],
  ["submission", 587],
  ["qmqp", 628],
  ["imaps", 993],
  ["pop3s", 995],
]);

/** The port of a service by the text of services(5): its name or an alias, for TCP. */
function portIn(services: string, name: string): number | undefined {
  for (const line of services.split("\n")) {
    const [main, place = "", ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (main !== name && !aliases.includes(name)) continue;
    const match = /^(\d+)\/tcp$/.exec(place);
    if (match !== null) return Number(match[1]);
  }
  return undefined;
}

function readServices(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // Not there: the names below are known all the same.
  }
}

/** A port as typed: a number (0: whichever is free) or the name of a TCP service; null if it is neither. */
export function portNumber(word: string, services = servicesFile): number | null {
  if (/^\d+$/.test(word)) return Number(BigInt(word) % BigInt(maxPort + 1));
  return portIn(readServices(services), word) ?? wellKnown.get(word) ?? null;
}
