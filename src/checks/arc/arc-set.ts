import { type ByteString, lowerAscii } from "#bytes";
import type { Algorithm } from "../dkim/signature.ts";
import { parseCommon, type Signature } from "../dkim/signature.ts";
import { fieldBody, type HeaderField } from "../header-fields.ts";
import { colonList, decodeBase64, parseTagList, withoutBlanks } from "../tag-list.ts";

/** An ARC-Seal (RFC 8617 §4.1.3). */
export type ArcSeal = {
  readonly field: HeaderField;
  readonly instance: number;
  readonly algorithm: Algorithm;
  readonly signature: Buffer;
  readonly domain: ByteString;
  readonly selector: ByteString;
  readonly cv: ByteString;
};

/** What one handler added: its results, its signature over the message, its seal over the chain (RFC 8617 §4.1). */
export type ArcSet = {
  readonly instance: number;
  readonly results: HeaderField;
  readonly signature: Omit<Signature, "identity">;
  readonly seal: ArcSeal;
};

/** RFC 8617 §5: a chain longer than this is broken. */
export const maxSets = 50;

const names = ["arc-authentication-results", "arc-message-signature", "arc-seal"] as const;

/** All sets of a message in order of instance; null if it has none, or why there is no telling what they say. */
export function arcSets(fields: readonly HeaderField[]): readonly ArcSet[] | { readonly why: string } | null {
  const byName = names.map((name) => fields.filter((field) => field.name === name));
  const [results = [], signatures = [], seals = []] = byName;
  const count = seals.length;
  if (byName.every((some) => some.length === 0)) return null;
  if (byName.some((some) => some.length !== count)) return { why: "a set is incomplete" };
  if (count > maxSets) return { why: "the chain is too long" };
  const sets: ArcSet[] = [];
  for (let instance = 1; instance <= count; instance++) {
    const set = readSet(instance, results, signatures, seals);
    if ("why" in set) return set;
    sets.push(set);
  }
  return sets;
}

/** `i=N;` at the front of ARC-Authentication-Results; elsewhere a tag like the others. */
function instanceOf(field: HeaderField): number {
  const text =
    field.name === "arc-authentication-results"
      ? /^[ \t\n]*i[ \t\n]*=[ \t\n]*([0-9]{1,3})[ \t\n]*;/.exec(fieldBody(field))?.[1]
      : parseTagList(fieldBody(field))?.get("i");
  return text !== undefined && /^[0-9]{1,3}$/.test(text) ? Number(text) : 0;
}

type Fields = readonly HeaderField[];

function readSet(instance: number, results: Fields, signatures: Fields, seals: Fields): ArcSet | { why: string } {
  const ofInstance = (some: Fields): Fields => some.filter((field) => instanceOf(field) === instance);
  const [result, ...moreResults] = ofInstance(results);
  const [signature, ...moreSignatures] = ofInstance(signatures);
  const [seal, ...moreSeals] = ofInstance(seals);
  if (result === undefined || signature === undefined || seal === undefined)
    return { why: `set ${instance} is incomplete` };
  if (moreResults.length + moreSignatures.length + moreSeals.length > 0) return { why: `set ${instance} is doubled` };
  const ams = readMessageSignature(signature);
  if ("why" in ams) return { why: `set ${instance}: ${ams.why}` };
  const as = readSeal(seal, instance);
  if ("why" in as) return { why: `set ${instance}: ${as.why}` };
  return { instance, results: result, signature: ams, seal: as };
}

/** ARC-Message-Signature: a DKIM signature without v= and i= of its own meaning, that must not cover the seal (RFC 8617 §4.1.2). */
function readMessageSignature(field: HeaderField): Omit<Signature, "identity"> | { readonly why: string } {
  const tags = parseTagList(fieldBody(field));
  if (tags === null) return { why: "signature is malformed" };
  const read = parseCommon(field, tags.has("c") ? tags : new Map([...tags, ["c", "relaxed/relaxed"]]));
  if ("why" in read) return { why: read.why };
  if (read.signedFields.includes("arc-seal")) return { why: "signature covers a seal" };
  return read;
}

function readSeal(field: HeaderField, instance: number): ArcSeal | { readonly why: string } {
  const tags = parseTagList(fieldBody(field));
  if (tags === null) return { why: "seal is malformed" };
  // RFC 8617 §4.1.3: tags of a message's signature have no place in a seal.
  if (["h", "bh", "c", "l", "q"].some((name) => tags.has(name))) return { why: "seal has a tag that is no seal's" };
  const algorithm = tags.get("a");
  if (algorithm !== "rsa-sha256" && algorithm !== "ed25519-sha256") return { why: "seal is of an unknown algorithm" };
  const domain = lowerAscii(withoutBlanks(tags.get("d") ?? ""));
  const selector = lowerAscii(withoutBlanks(tags.get("s") ?? ""));
  const signature = decodeBase64(tags.get("b") ?? "");
  if (domain === "" || selector === "" || signature === null) return { why: "seal is malformed" };
  const time = tags.get("t");
  if (time !== undefined && !/^[0-9]{1,15}$/.test(time)) return { why: "seal has a malformed time" };
  const cv = lowerAscii(colonList(tags.get("cv") ?? "")[0] ?? "");
  return { field, instance, algorithm, signature, domain, selector, cv };
}
