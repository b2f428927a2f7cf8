/**
 * Room `checks`: who sent a message, and how it can be known. SPF (RFC 7208), DKIM (RFC 6376, 8301, 8463), DMARC (RFC 9989),
 * ARC (RFC 8617), verified over bytes in the house's LF form and with a resolver that is handed in; and signatures of our own. Reads its control files. Verdicts are values;
 * nothing here refuses or delivers. Owns nothing on disk.
 */
export { authenticationResultsField, claimsToBe, receivedSpfField, resultsOf } from "./authentication-results.ts";
export { type CheckSettings, checkControlFiles, loadCheckSettings } from "./check-settings.ts";
export type { Dns, Resolved } from "./dns.ts";
export { type HeaderField, headerEnd } from "./header-fields.ts";
export { checksOf, dmarcOverride, type Judgement, judge, type Stance, type Stances } from "./judge.ts";
export { type Inspection, inspectHeader, type Proof, type Sender } from "./verify-message.ts";
