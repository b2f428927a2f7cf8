/** Who may send as whom, and what becomes of a message that somebody submits (RFC 6409 §6, §8). */
import { type ByteString, lowerAscii } from "#bytes";
import { ControlError, readLines, readSetting } from "#control";
import { domainOf, localPartOf } from "#mail";

/** control/sendernames: an envelope sender's name and address as others should see them (ofmipname's lists). */
export type SenderName = { readonly name: ByteString; readonly address: ByteString };

/** What control files say about sending by who has logged in. */
export type SenderRules = {
  /** control/sendercheck: what must be the user's own. */
  readonly check: "no" | "envelope" | "both";
  /** control/sendinglimits exists: whoever counts is asked about each message. */
  readonly isLimited: boolean;
  /** control/submithideclient: Received says nothing about where the user is. */
  readonly hidesClient: boolean;
  /** control/submitkeepheader: messages are passed on as they come, incomplete or not. */
  readonly keepsHeader: boolean;
  /** control/idhost, for Message-IDs. */
  readonly idHost: ByteString;
  /** The domain of an address that has none. */
  readonly defaultHost: ByteString;
  /** Domains whose mail is delivered to accounts here, lower case. */
  readonly localDomains: ReadonlySet<ByteString>;
  /** control/virtualdomains: whose each domain is, lower case. */
  readonly domainOwners: ReadonlyMap<ByteString, ByteString>;
  /** control/senderowners: what users may send as besides, lower case: an address, or @ and a domain, or `*` for all. */
  readonly owned: ReadonlyMap<ByteString, ReadonlySet<ByteString>>;
  readonly names: ReadonlyMap<ByteString, SenderName>;
};

/** The control files behind `SenderRules`, for `liveControls`. */
export const senderRuleFiles: readonly string[] = [
  "defaulthost",
  "idhost",
  "locals",
  "me",
  "sendercheck",
  "sendernames",
  "senderowners",
  "sendinglimits",
  "submithideclient",
  "submitkeepheader",
  "virtualdomains",
];

const checks = ["no", "envelope", "both"] as const;

/** Throws ControlError for a word that is none: it must not be guessed who may pretend to be whom. */
function readCheck(home: string): SenderRules["check"] {
  const word = readSetting(home, "sendercheck");
  const known = checks.find((one) => one === word);
  if (known === undefined) throw new ControlError(`control/sendercheck: "${word}" is none of ${checks.join(", ")}`);
  return known;
}

/** `key:name:address:` lines; what is none says nothing, as with ofmipname. */
function readNames(home: string): ReadonlyMap<ByteString, SenderName> {
  const names = new Map<ByteString, SenderName>();
  for (const line of readLines(home, "sendernames") ?? []) {
    const [key = "", name = "", address = "", rest] = line.split(":");
    if (rest !== undefined && key !== "" && address.includes("@")) names.set(lowerAscii(key), { name, address });
  }
  return names;
}

function readOwned(home: string): SenderRules["owned"] {
  const owned = new Map<ByteString, ReadonlySet<ByteString>>();
  for (const [login, addresses] of readSetting(home, "senderowners")) {
    owned.set(
      login,
      new Set(
        lowerAscii(addresses)
          .split(/[\s,]+/)
          .filter((word) => word !== ""),
      ),
    );
  }
  return owned;
}

/** Reads them. Throws ControlError if a file cannot be read or used. */
export function loadSenderRules(home: string): SenderRules {
  const locals = readSetting(home, "locals") ?? [];
  const virtual = readSetting(home, "virtualdomains");
  return {
    check: readCheck(home),
    isLimited: readSetting(home, "sendinglimits").size > 0,
    hidesClient: readSetting(home, "submithideclient"),
    keepsHeader: readSetting(home, "submitkeepheader"),
    idHost: readSetting(home, "idhost"),
    defaultHost: readSetting(home, "defaulthost"),
    localDomains: new Set(locals.map(lowerAscii)),
    domainOwners: new Map([...virtual].map(([domain, owner]) => [domain, lowerAscii(owner)])),
    owned: readOwned(home),
    names: readNames(home),
  };
}

/** `joe-list` and `joe+list` are joe's, as .qmail extensions are. */
const isExtensionOf = (local: ByteString, name: ByteString): boolean =>
  local === name || local.startsWith(`${name}-`) || local.startsWith(`${name}+`);

/**
 * May this user send as this address? Their own, with extensions: `joe@example.org`, and for an account of this machine `joe` at every
 * local domain; a virtual domain that is theirs; and what control/senderowners gives them. Case is nothing.
 */
export function ownsAddress(rules: SenderRules, login: ByteString, claimed: ByteString): boolean {
  const user = lowerAscii(login);
  const address = lowerAscii(claimed.includes("@") ? claimed : `${claimed}@${rules.defaultHost}`);
  const [local, domain] = [localPartOf(address), domainOf(address)];
  const granted = rules.owned.get(user);
  if (granted?.has(address) || granted?.has(`@${domain}`) || granted?.has("*")) return true;
  const [name, home] = [localPartOf(user), domainOf(user)];
  if (home !== "" && home === domain && isExtensionOf(local, name)) return true;
  const isAccount = home === "" || rules.localDomains.has(home);
  if (!isAccount) return false;
  if (rules.localDomains.has(domain) && isExtensionOf(local, name)) return true;
  return rules.domainOwners.get(domain) === name;
}
