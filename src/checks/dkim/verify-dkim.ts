import type { ByteString } from "#bytes";
import type { Dns } from "../dns.ts";
import type { HeaderField } from "../header-fields.ts";
import { withoutBlanks } from "../tag-list.ts";
import type { BodyForm, BodyHashes } from "./body-hashes.ts";
import { checkSignature, type SignatureVerdict, verdict } from "./check-signature.ts";
import { type BadSignature, parseSignature, type Signature } from "./signature.ts";

/** One DKIM-Signature of a message, and how it fared. */
export type DkimResult = SignatureVerdict & {
  /** Lower case; "" where it could not be read. */
  readonly domain: ByteString;
  readonly selector: ByteString;
  readonly algorithm: ByteString;
  readonly identity: ByteString;
  /** The first eight characters of b=, which tell signatures of one domain apart (RFC 6008). */
  readonly start: ByteString;
};

/** Signatures that are tried; each may cost a look-up and a public-key operation. */
export const maxSignatures = 10;

type Read = Signature | BadSignature;

/** The signatures of a message, from the top, at most ten. */
export function dkimSignatures(fields: readonly HeaderField[]): readonly Read[] {
  return fields
    .filter(({ name }) => name === "dkim-signature")
    .slice(0, maxSignatures)
    .map(parseSignature);
}

/** In which forms these signatures need the body hashed. */
export const bodyForms = (signatures: readonly Read[]): readonly BodyForm[] =>
  signatures.filter((one): one is Signature => !("why" in one));

/** Tries them all, one after the other: they often share a key. The body has been hashed. */
export async function verifyDkim(
  signatures: readonly Read[],
  fields: readonly HeaderField[],
  bodies: BodyHashes,
  dns: Dns,
  nowSeconds: number,
): Promise<readonly DkimResult[]> {
  const results: DkimResult[] = [];
  for (const signature of signatures) {
    if ("why" in signature) {
      const { domain, selector, result, why } = signature;
      results.push({ ...verdict(result, why), domain, selector, algorithm: "", identity: "", start: "" });
      continue;
    }
    const { domain, selector, algorithm, identity, field } = signature;
    const fared = signature.signedFields.includes("from") // RFC 6376 §5.4: it must be.
      ? await checkSignature(signature, fields, bodies.of(signature), dns, nowSeconds)
      : verdict("permerror", "From is not signed");
    results.push({ ...fared, domain, selector, algorithm, identity, start: startOf(field) });
  }
  return results;
}

function startOf({ raw }: HeaderField): ByteString {
  return withoutBlanks(/[:;][ \t\n]*b[ \t\n]*=([^;]*)/.exec(raw)?.[1] ?? "").slice(0, 8);
}
