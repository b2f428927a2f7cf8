import type { ByteString } from "#bytes";
import { type RewriteAddress, rewriteAddressList } from "./address-list.ts";
import { renderField, unquoteTokens } from "./render-tokens.ts";
import { fieldName, fieldValue } from "./split-header.ts";
import { tokenize } from "./tokens.ts";

/** An address field after rewriting. */
export type RewrittenField = {
  /** The whole field, rendered anew; null if it could not be parsed. */
  readonly field: ByteString | null;
  /** Its addresses in reading order, as rewritten, without quotes; "" for `<>`. Of an unparsable field: those right of the trouble. */
  readonly addresses: readonly ByteString[];
};

/** Rewrites every address of a whole field (`To: joe, fred` LF). */
export function rewriteAddressField(field: ByteString, rewrite: RewriteAddress): RewrittenField {
  const tokens = tokenize(fieldValue(field));
  if (tokens === null) return { field: null, addresses: [] };
  const addresses: ByteString[] = [];
  const list = rewriteAddressList(tokens, (address) => {
    const rewritten = rewrite(address);
    addresses.push(unquoteTokens(rewritten));
    return rewritten;
  });
  return { field: list === null ? null : renderField(fieldName(field), list), addresses: addresses.reverse() };
}
