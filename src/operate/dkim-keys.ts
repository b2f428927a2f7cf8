import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { chownSync, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseSigningKey, renderSigningKey, type SigningKey } from "#checks";
import { readLines, readText } from "#control";
import { writeFileDurable } from "#files";

/** Kinds of keys, in the order signatures are put on: RSA is what everybody verifies, Ed25519 (RFC 8463) what is small and new. */
export type KeyKind = "rsa" | "ed25519";
/** RFC 8301 §3.2: signers should use 2048 bits or more; longer ones do not fit one UDP answer. */
const rsaBits = 2048;
/** A verifier may look at a message this late: a signature is good for that long. */
const verifiableSeconds = 21 * 86_400;
/** A TXT record is made of strings of at most 255 octets (RFC 1035 §3.3.14). */
const maxStringChars = 255;

/** What a domain publishes for one key. */
export type DkimRecord = { readonly name: string; readonly text: string };

/** One key and where it stands in its life. */
export type KeyState = SigningKey & {
  readonly record: DkimRecord;
  /** `waiting`: publish its record now; `signing`; `retired`: keep its record until then; `gone`: its record may go. */
  readonly state: "waiting" | "signing" | "retired" | "gone";
};

const folderOf = (home: string): string => join(home, "dkim");
const keyPath = (home: string, { domain, selector }: Pick<SigningKey, "domain" | "selector">): string =>
  join(folderOf(home), domain, `${selector}.pem`);
const recordPath = (home: string, key: Pick<SigningKey, "domain" | "selector">): string =>
  keyPath(home, key).replace(/\.pem$/, ".txt");

/** The record of a public key (RFC 6376 §3.6.1, RFC 8463 §4). */
function recordText(key: KeyObject): string {
  const der = createPublicKey(key).export({ type: "spki", format: "der" });
  const isRsa = key.asymmetricKeyType === "rsa";
  return `v=DKIM1; k=${isRsa ? "rsa" : "ed25519"}; p=${(isRsa ? der : der.subarray(-32)).toString("base64")}`;
}

/** Makes a key pair; the private half is for the owner of `dkim/` alone, who is the signing service. */
async function makeKey(home: string, domain: string, selector: string, kind: KeyKind): Promise<void> {
  const { privateKey } =
    kind === "rsa" ? generateKeyPairSync("rsa", { modulusLength: rsaBits }) : generateKeyPairSync("ed25519");
  const folder = join(folderOf(home), domain);
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const key = { domain, selector };
  await writeFileDurable(keyPath(home, key), privateKey.export({ type: "pkcs8", format: "pem" }), 0o600);
  await writeFileDurable(recordPath(home, key), `${recordText(privateKey)}\n`, 0o644);
  const { uid, gid } = statSync(folderOf(home));
  if (process.getuid?.() === 0)
    for (const path of [folder, keyPath(home, key), recordPath(home, key)]) chownSync(path, uid, gid);
}

/** `q20261122`, or with a letter where that is taken: selectors are never used twice. */
function freeSelector(home: string, domain: string, now: Date, kinds: readonly KeyKind[]): string {
  const day = `q${now.toISOString().slice(0, 10).replaceAll("-", "")}`;
  const isTaken = (name: string): boolean =>
    kinds.some((kind) => existsSync(keyPath(home, { domain, selector: name + letterOf[kind] })));
  const letters = ["", ..."abcdefghijklmnop"];
  const free = letters.find((letter) => !isTaken(day + letter));
  if (free === undefined) throw new Error(`too many keys of one day for ${domain}`);
  return day + free;
}

const letterOf = { rsa: "r", ed25519: "e" } as const satisfies Record<KeyKind, string>;

/** What the keys of a domain are to be. */
export type NewKeys = {
  readonly domain: string;
  readonly kinds: readonly KeyKind[];
  /** The first part of the selectors; null: from the day. */
  readonly selector: string | null;
  /** When they begin to sign, and those of before stop. Null: now. */
  readonly fromSeconds: number | null;
  readonly now: Date;
};

/**
 * Makes keys for a domain and enters them into control/dkimsign. With `fromSeconds` the domain's other keys sign until then: at every
 * moment one set signs, and the records of the new ones have that long to be published. Throws if a selector is taken.
 */
export async function addKeys(home: string, wanted: NewKeys): Promise<readonly SigningKey[]> {
  const { domain, kinds, fromSeconds, now } = wanted;
  const base = wanted.selector ?? freeSelector(home, domain, now, kinds);
  const fresh = kinds.map((kind) => ({ domain, selector: base + letterOf[kind], fromSeconds, untilSeconds: null }));
  const taken = fresh.find((key) => existsSync(keyPath(home, key)));
  if (taken !== undefined) throw new Error(`there is a key ${taken.selector} for ${domain} already`);
  mkdirSync(folderOf(home), { recursive: true, mode: 0o711 });
  for (const [index, kind] of kinds.entries()) await makeKey(home, domain, fresh[index]!.selector, kind);
  const lines = (readText(home, "dkimsign") ?? "").split("\n").filter((line) => line !== "");
  const ended = lines.map((line) => {
    const key = parseSigningKey(line);
    if (key === null || key.domain !== domain || key.untilSeconds !== null || fromSeconds === null) return line;
    return renderSigningKey({ ...key, untilSeconds: fromSeconds });
  });
  const text = [...ended, ...fresh.map(renderSigningKey)].join("\n");
  await writeFileDurable(join(home, "control", "dkimsign"), `${text}\n`, 0o644);
  return fresh;
}

/** The keys of a home, or of one domain, with their records. */
export function keyStates(home: string, domain: string | null, nowSeconds: number): readonly KeyState[] {
  const keys = (readLines(home, "dkimsign") ?? []).map(parseSigningKey).filter((key) => key !== null);
  return keys
    .filter((key) => domain === null || key.domain === domain)
    .map((key) => ({ ...key, state: stateOf(key, nowSeconds), record: recordOf(home, key) }));
}

function stateOf({ fromSeconds, untilSeconds }: SigningKey, nowSeconds: number): KeyState["state"] {
  if (fromSeconds !== null && nowSeconds < fromSeconds) return "waiting";
  if (untilSeconds === null || nowSeconds < untilSeconds) return "signing";
  return nowSeconds < untilSeconds + verifiableSeconds ? "retired" : "gone";
}

function recordOf(home: string, key: SigningKey): DkimRecord {
  const name = `${key.selector}._domainkey.${key.domain}`;
  if (existsSync(recordPath(home, key))) return { name, text: readFileSync(recordPath(home, key), "latin1").trim() };
  // A key that was put there by hand: its public half is in it.
  return { name, text: recordText(createPrivateKey(readFileSync(keyPath(home, key)))) };
}

/** A TXT record as a zone file has it, its text cut into strings. */
export function zoneLine({ name, text }: DkimRecord): string {
  const strings = text.match(new RegExp(`.{1,${maxStringChars}}`, "g")) ?? [""];
  return `${name}. IN TXT ${strings.length === 1 ? `"${text}"` : `( ${strings.map((piece) => `"${piece}"`).join(" ")} )`}`;
}
