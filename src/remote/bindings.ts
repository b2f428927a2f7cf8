import { isIP } from "node:net";
import { type ByteString, lowerAscii } from "#bytes";
import { ControlError, readSetting } from "#control";
import { domainOf } from "#mail";

/** From which of our addresses connections are made (spec 11.2). Keys in lower case. */
export type Bindings = {
  /** control/bindroutes: a destination's address, or its beginning up to a dot, or "" -> our address. */
  readonly byDestination: ReadonlyMap<ByteString, string>;
  /** control/domainbindings: a sender's domain -> our address. */
  readonly bySender: ReadonlyMap<ByteString, string>;
  /** control/outgoingip; null: the system chooses. */
  readonly usual: string | null;
};

/** What means that the system is to choose. */
const anyAddress: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** An address of ours that does not parse is an error: mail from a wrong one is refused elsewhere, for good. */
function checked(name: string, address: ByteString): string {
  if (isIP(address) === 0) throw new ControlError(`control/${name}: "${address}" is no IP address`);
  return address;
}

/** Reads the three files. Throws ControlError. */
export function readBindings(home: string): Bindings {
  const map = (name: "bindroutes" | "domainbindings"): ReadonlyMap<ByteString, string> =>
    new Map([...readSetting(home, name)].map(([key, address]) => [key, checked(name, address.trim())]));
  const usual = readSetting(home, "outgoingip");
  return {
    byDestination: map("bindroutes"),
    bySender: map("domainbindings"),
    usual: usual === null || usual === "" ? null : checked("outgoingip", usual),
  };
}

/** 192.0.2.1, 192.0.2., 192.0., 192., "". */
function* prefixesOf(address: string): Generator<string> {
  yield address;
  for (let at = address.lastIndexOf(".", address.length - 2); at >= 0; at = address.lastIndexOf(".", at - 1)) {
    yield address.slice(0, at + 1);
    if (at === 0) break;
  }
  yield "";
}

/**
 * Our address for a connection: by destination, else by the sender's domain, else the usual one; undefined: the system's choice. An
 * address of the other family cannot be used and is passed over.
 */
export function bindingFor(bindings: Bindings, to: string, sender: ByteString): string | undefined {
  const fits = (address: string | null | undefined): address is string =>
    typeof address === "string" && isIP(address) === isIP(to);
  for (const prefix of prefixesOf(to)) {
    const address = bindings.byDestination.get(prefix);
    if (fits(address)) return given(address);
  }
  const bySender = bindings.bySender.get(lowerAscii(domainOf(sender)));
  if (fits(bySender)) return given(bySender);
  return fits(bindings.usual) ? given(bindings.usual) : undefined;
}

const given = (address: string): string | undefined => (anyAddress.has(address) ? undefined : address);
