import type { ByteString } from "#bytes";
import type { BodyForm, BodyHashes } from "../dkim/body-hashes.ts";
import { canonicalField, withoutSignature } from "../dkim/canonical-header.ts";
import { checkSignature, fetchKey, isSignedWith } from "../dkim/check-signature.ts";
import type { Dns } from "../dns.ts";
import type { HeaderField } from "../header-fields.ts";
import { type ArcSet, arcSets } from "./arc-set.ts";

/** How the chain of a message fared (RFC 8617 §5.2). */
export type ArcResult = {
  readonly result: "none" | "pass" | "fail";
  readonly why: string;
  /** The sets, in order, where they could be read. */
  readonly sets: readonly ArcSet[];
};

/** The chain as it could be read, for both passes: before the body (`arcForms`) and after it. */
export type ReadChain = ReturnType<typeof arcSets>;

export const readChain = (fields: readonly HeaderField[]): ReadChain => arcSets(fields);

/** Only the newest signature must fit the message as it is now. */
export function arcForms(chain: ReadChain): readonly BodyForm[] {
  const last = chain !== null && !("why" in chain) ? chain.at(-1) : undefined;
  return last === undefined ? [] : [last.signature];
}

/** Validates a chain. A DNS that gives no answer is a failure of the chain: the RFC knows no third word here. */
export async function verifyArc(
  chain: ReadChain,
  fields: readonly HeaderField[],
  bodies: BodyHashes,
  dns: Dns,
  nowSeconds: number,
): Promise<ArcResult> {
  if (chain === null) return { result: "none", why: "", sets: [] };
  if ("why" in chain) return { result: "fail", why: chain.why, sets: [] };
  const why = await chainTrouble(chain, fields, bodies, dns, nowSeconds);
  return { result: why === null ? "pass" : "fail", why: why ?? "", sets: chain };
}

async function chainTrouble(
  sets: readonly ArcSet[],
  fields: readonly HeaderField[],
  bodies: BodyHashes,
  dns: Dns,
  nowSeconds: number,
): Promise<string | null> {
  const newest = sets.at(-1);
  if (newest === undefined) return "the chain is empty";
  if (newest.seal.cv === "fail") return "the chain was broken before";
  const wrong = sets.find(({ instance, seal }) => seal.cv !== (instance === 1 ? "none" : "pass"));
  if (wrong !== undefined) return `set ${wrong.instance} has a wrong cv=`;
  const signature = { ...newest.signature, identity: `@${newest.signature.domain}` };
  const fared = await checkSignature(signature, fields, bodies.of(signature), dns, nowSeconds);
  if (fared.result !== "pass") return `message signature ${newest.instance}: ${fared.why}`;
  for (const set of sets.toReversed()) {
    const trouble = await sealTrouble(sets, set, dns);
    if (trouble !== null) return trouble;
  }
  return null;
}

async function sealTrouble(sets: readonly ArcSet[], { seal }: ArcSet, dns: Dns): Promise<string | null> {
  const key = await fetchKey(seal, dns);
  if (!("key" in key)) return `seal ${seal.instance}: ${key.why}`;
  const data = sealedData(sets, seal.instance, seal.field.raw);
  return isSignedWith(key.key, seal.algorithm, data, seal.signature) ? null : `seal ${seal.instance} does not match`;
}

/** What seal `instance` covers (RFC 8617 §5.1.1): all sets up to it, its own field last, without b= and without final CRLF. */
export function sealedData(sets: readonly ArcFields[], instance: number, sealRaw: ByteString): ByteString {
  const before = sets.slice(0, instance).map(({ results, signature, seal }) => {
    const whole = canonicalField(results.raw, "relaxed") + canonicalField(signature.field.raw, "relaxed");
    return seal === null || seal.instance === instance ? whole : whole + canonicalField(seal.field.raw, "relaxed");
  });
  return before.join("") + canonicalField(withoutSignature(sealRaw), "relaxed").slice(0, -2);
}

/** The fields of a set, its seal null while it is being made. */
export type ArcFields = {
  readonly results: HeaderField;
  readonly signature: { readonly field: HeaderField };
  readonly seal: { readonly field: HeaderField; readonly instance: number } | null;
};
