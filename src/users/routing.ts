/**
 * Where an envelope recipient goes (spec 5.1-5.3): the four control files that decide it, and the decision. The decision is
 * pure, so the scheduler, the recipient check and `quail explain` cannot disagree. It is taken once per recipient, when the
 * message is taken in; later edits reroute nothing.
 */
import { type ByteString, lowerAscii } from "#bytes";
import { ControlError, readEntries, readValue } from "#control";
import { type Address, domainOf } from "#mail";

/** A virtual domain or user: what is put in front of the local part ("" sends the address out instead), and where it says so. */
type VirtualEntry = { readonly prefix: ByteString; readonly via: string };

/** The control files that route, loaded. Keys are lower-cased; values say where they stand (`control/locals:3`). */
export type Routing = {
  readonly envNoAtHost: ByteString;
  readonly percentHack: ReadonlyMap<ByteString, string>;
  readonly locals: ReadonlyMap<ByteString, string>;
  readonly virtualDomains: ReadonlyMap<ByteString, VirtualEntry>;
};

/** Where a recipient goes: its channel, the address as it reads there, and the file and line that decided. */
export type Routed = { readonly channel: "local" | "remote"; readonly address: Address; readonly via: string };

/** Domain by domain, where a list file names it; the last of equal lines stays. */
function domainList(home: string, file: string): ReadonlyMap<ByteString, string> | null {
  const entries = readEntries(home, file);
  return entries === null
    ? null
    : new Map(entries.map(({ text, line }) => [lowerAscii(text), `control/${file}:${line}`]));
}

/** `key:value` lines, split at the first colon; lines without one say nothing (spec 3.1). */
function virtualDomains(home: string): ReadonlyMap<ByteString, VirtualEntry> {
  const table = new Map<ByteString, VirtualEntry>();
  for (const { text, line } of readEntries(home, "virtualdomains") ?? []) {
    const colon = text.indexOf(":");
    if (colon < 0) continue;
    table.set(lowerAscii(text.slice(0, colon)), {
      prefix: text.slice(colon + 1),
      via: `control/virtualdomains:${line}`,
    });
  }
  return table;
}

/** The control files `loadRouting` reads, for those who watch them (`liveControls`). */
export const routingFiles: readonly string[] = ["me", "envnoathost", "percenthack", "locals", "virtualdomains"];

/**
 * Reads envnoathost, percenthack, locals and virtualdomains from `home`. Throws ControlError when one is unreadable, or when
 * neither locals nor me is there: then nobody has said what is local.
 */
export function loadRouting(home: string): Routing {
  const me = readValue(home, "me");
  const locals = domainList(home, "locals") ?? (me === null ? null : new Map([[lowerAscii(me), "control/me"]]));
  if (locals === null) throw new ControlError(`neither ${home}/control/locals nor ${home}/control/me exists`);
  return {
    envNoAtHost: readValue(home, "envnoathost") ?? me ?? "envnoathost",
    percentHack: domainList(home, "percenthack") ?? new Map(),
    locals,
    virtualDomains: virtualDomains(home),
  };
}

/** The first virtual entry for a domain: itself, its suffixes from longest to shortest, the catch-all "" (spec 5.3). */
function virtualDomainOf(domain: ByteString, routing: Routing): VirtualEntry | undefined {
  for (let at = 0; at >= 0; at = domain.indexOf(".", at + 1)) {
    const entry = routing.virtualDomains.get(domain.slice(at));
    if (entry !== undefined) return entry;
  }
  return routing.virtualDomains.get("");
}

/** While the domain takes percent addresses: `a%b@listed` is `a@b`. Says which lines it used. */
function undoPercentHack(
  address: ByteString,
  routing: Routing,
): { readonly address: ByteString; readonly via: string } {
  let here = address;
  let via = "";
  for (;;) {
    const at = here.lastIndexOf("@");
    const source = routing.percentHack.get(lowerAscii(here.slice(at + 1)));
    const percent = source === undefined ? -1 : here.lastIndexOf("%", at);
    if (percent < 0) return { address: here, via };
    here = `${here.slice(0, percent)}@${here.slice(percent + 1, at)}`;
    via += `${source}, `;
  }
}

/**
 * Decides where a recipient goes. Pure; the address may grow past `maxAddressBytes` by envnoathost or a prefix, as in qmail.
 * With `virtualdomains` holding `a.org:joe`, `x@a.org` becomes local `joe-x@a.org`, via `control/virtualdomains:1`.
 */
export function routeRecipient(address: Address, routing: Routing): Routed {
  const full = address.includes("@") ? address : `${address}@${routing.envNoAtHost}`;
  const plain = routing.percentHack.size === 0 ? { address: full, via: "" } : undoPercentHack(full, routing);
  const routed = (channel: Routed["channel"], to: ByteString, via: string): Routed => ({
    channel,
    address: to as Address, // made of an Address and control files, neither of which holds a NUL
    via: plain.via + via,
  });
  const domain = lowerAscii(domainOf(plain.address));
  const local = routing.locals.get(domain);
  if (local !== undefined) return routed("local", plain.address, local);
  if (routing.virtualDomains.size > 0) {
    const entry = routing.virtualDomains.get(lowerAscii(plain.address)) ?? virtualDomainOf(domain, routing);
    if (entry !== undefined) {
      return entry.prefix === ""
        ? routed("remote", plain.address, entry.via)
        : routed("local", `${entry.prefix}-${plain.address}`, entry.via);
    }
  }
  return routed("remote", plain.address, "neither control/locals nor control/virtualdomains");
}

/**
 * A routed recipient as its sender wrote it, for bounces (spec 4.8): the prefix goes when the domain matches virtualdomains
 * by a domain form. Virtual users keep theirs, and so does an address the prefix does not begin.
 */
export function stripVirtualPrefix(address: Address, routing: Routing): Address {
  if (routing.virtualDomains.size === 0 || !address.includes("@")) return address;
  const entry = virtualDomainOf(lowerAscii(domainOf(address)), routing);
  if (entry === undefined || entry.prefix === "" || !address.startsWith(`${entry.prefix}-`)) return address;
  return address.slice(entry.prefix.length + 1) as Address; // a piece of an Address
}
