/**
 * Room `message`: header fields, address lists, dates, trace lines; pure. Messages are bytes with LF line ends inside the
 * house; fields are byte strings with their final LF.
 *
 * An address field goes `fieldValue` -> `tokenize` -> `rewriteAddressList` -> `renderField`; the reading and repairing is
 * qmail's (spec 7.4), so that what our users typed for twenty years still means the same.
 */
export { type RewriteAddress, rewriteAddressList } from "./address-list.ts";
export { dateDigits, mailDate, zonedMailDate } from "./date.ts";
export { type NetworkTrace, networkTraceLine } from "./network-trace.ts";
export { type Qualifiers, qualifiersFrom, qualifyAddress } from "./qualify-address.ts";
export { foldColumns, renderField, unquoteTokens } from "./render-tokens.ts";
export { type RewrittenField, rewriteAddressField } from "./rewrite-address-field.ts";
export { type HeaderScan, scanHeader } from "./scan-header.ts";
export { fieldKey, fieldName, fieldValue, HeaderSplitter, type SplitHeader, splitHeader } from "./split-header.ts";
export { type SpecialToken, special, type Token, tokenize, type WordToken, wordFor } from "./tokens.ts";
