import type { ByteString } from "#bytes";
import type { HeaderField } from "../header-fields.ts";
import { type Canonicalization, canonicalField, withoutSignature } from "./canonical-header.ts";

/**
 * The header octets a signature covers (RFC 6376 §3.7, §5.4.2): each name takes the lowest field of that name not taken yet (none
 * left: nothing), then the signature field itself without its b=, without CRLF at the end.
 */
export function signedData(
  fields: readonly HeaderField[],
  signedFields: readonly ByteString[],
  signatureField: HeaderField,
  how: Canonicalization,
): ByteString {
  const byName = new Map<ByteString, HeaderField[]>();
  for (const field of fields) {
    if (field === signatureField || field.name === "") continue;
    const same = byName.get(field.name);
    if (same === undefined) byName.set(field.name, [field]);
    else same.push(field);
  }
  const taken = signedFields.map((name) => byName.get(name)?.pop()).filter((field) => field !== undefined);
  const own = canonicalField(withoutSignature(signatureField.raw), how);
  return taken.map(({ raw }) => canonicalField(raw, how)).join("") + own.slice(0, -2);
}
